"""Runs in pyfhircheck's own environment: one resource a line in, one JSON list of errors a line out.

usage: pyfhircheck_worker.py R4_PACKAGE.tgz EVIDENCE_FOLDER
"""

import json
import sys

from pyfhircheck import Validator
from pyfhircheck.config import ValidatorConfig


def main(package: str, evidence: str) -> None:
    settings = {
        "fhirVersion": "4.0.1",
        "localPackagePaths": [package],
        "terminology": {"mode": "local"},
        "evidenceOutputDir": evidence,
    }
    answers, sys.stdout = sys.stdout, sys.stderr  # the library prints as it goes
    validator = Validator(ValidatorConfig.load_dict(settings))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        report = validator.validate_resource(json.loads(line))
        errors = [f"{issue.code} {issue.path}: {issue.message}" for issue in report.errors]
        print(json.dumps(errors), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
