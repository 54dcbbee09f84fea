"""A button "IA (Aval)" on each study of Orthanc Explorer, which opens Aval's desk on that study.

For Orthanc's Python plugin (Debian: orthanc-python), with in its configuration:

    "PythonScript": "/etc/orthanc/aval_button.py",
    "Aval": {"Url": "https://aval.chu.example", "Launcher": "orthanc", "KeyFile": "/etc/orthanc/aval.key"}

KeyFile holds the key of [launchers.orthanc] and is read by Orthanc alone: links are signed on the server, at the click.
Standard library and Orthanc's own module only, Python 3.9 or newer.
"""

import hashlib
import hmac
import json
import secrets
import time
from pathlib import Path
from urllib.parse import quote

import orthanc  # the plugin brings it

SETTINGS = json.loads(orthanc.GetConfiguration())["Aval"]

BUTTON = """
$('#study').live('pagebeforecreate', function() {
  $('<a>').attr({id: 'aval-launch', href: '#', 'data-role': 'button', 'data-icon': 'search', 'data-theme': 'c'})
    .text('IA (Aval)')
    .insertBefore($('#study-delete').parent().parent())
    .click(function() {
      window.open('../aval/' + encodeURIComponent($.mobile.pageData.uuid), '_blank', 'noopener');
      return false;
    });
});
"""


def launch_url(study_uid: str) -> str:
    """Return a signed link that opens ``study_uid``: it works once, for two minutes."""
    given = {
        "launcher": SETTINGS["Launcher"],
        "nonce": secrets.token_urlsafe(16),
        "study": study_uid,
        "ts": str(int(time.time())),
    }
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(given.items()))
    key = Path(SETTINGS["KeyFile"]).read_text(encoding="utf-8").strip()
    signature = hmac.new(key.encode(), query.encode(), hashlib.sha256).hexdigest()
    return f"{SETTINGS['Url'].rstrip('/')}/launch?{query}&sig={signature}"


def on_launch(output, _uri, **request):
    """Lead the browser to Aval."""
    if request["method"] != "GET":
        output.SendMethodNotAllowed("GET")
        return
    try:
        study = json.loads(orthanc.RestApiGet(f"/studies/{request['groups'][0]}"))
    except orthanc.OrthancException:
        output.SendHttpStatusCode(404)
        return
    output.SetHttpHeader("Location", launch_url(study["MainDicomTags"]["StudyInstanceUID"]))
    output.SetHttpHeader("Referrer-Policy", "no-referrer")
    output.SendHttpStatusCode(303)  # output.Redirect is for good (301), and a link works once


orthanc.RegisterRestCallback("/aval/([0-9a-f-]+)", on_launch)
orthanc.ExtendOrthancExplorer(BUTTON)
