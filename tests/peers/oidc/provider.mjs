// An identity provider shaped like Pro Santé Connect, by panva's oidc-provider: PKCE is required, "acr" is what the page
// that signs people in chose, the RPPS number is in the user information alone, and access tokens live two minutes.
// Beside it, the door of a record that launches (SMART App Launch): its configuration, and its FHIR server behind a token.
// Its only argument is JSON: modules, issuer, port, client, people by login; fhir, the server behind; context, of launches.

import { createRequire } from 'node:module';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const asked = JSON.parse(process.argv[2]);
const require = createRequire(`${asked.modules}/`);
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const jose = await import(pathToFileURL(require.resolve('jose')));

async function key(alg) {
  const { privateKey } = await jose.generateKeyPair(alg, { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), alg, use: 'sig', kid: `${alg}-1` };
}

const SMART = ['launch', 'fhirUser', 'patient/Patient.rs', 'patient/ImagingStudy.rs', 'user/Practitioner.rs'];

const provider = new Provider(asked.issuer, {
  clients: [asked.client],
  acrValues: ['eidas1', 'eidas2', 'password'],
  claims: { openid: ['sub', 'acr', 'fhirUser'], scope_all: ['SubjectNameID', 'SubjectRole', 'family_name'] },
  scopes: ['openid', 'scope_all', ...SMART],
  extraParams: ['launch', 'aud'],
  cookies: { keys: ['of-a-test'] },
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (ctx, form) => {
        ctx.body = `<!doctype html><title>bye</title>${form}<button id="leave" form="op.logoutForm" name="logout" value="yes">leave</button>`;
      },
    },
  },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: `f:${id}`, SubjectNameID: asked.people[id], family_name: 'Testeur', fhirUser: `Practitioner/${id}` }),
  }),
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  jwks: { keys: [await key('RS256'), await key('ES256')] },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({ clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId });
    grant.addOIDCScope(`openid scope_all ${SMART.join(' ')}`);
    await grant.save();
    return grant;
  },
  pkce: { required: () => true },
  ttl: { AccessToken: 120, IdToken: 300, Interaction: 600, Session: 14400, Grant: 14400, AuthorizationCode: 60 },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/token' && ctx.body?.access_token) Object.assign(ctx.body, asked.context);
});

const application = provider.callback();

async function record(request, response) {
  response.setHeader('Content-Type', 'application/json');
  if (request.url === '/fhir/.well-known/smart-configuration') {
    return response.end(
      JSON.stringify({
        issuer: asked.issuer,
        jwks_uri: `${asked.issuer}/jwks`,
        authorization_endpoint: `${asked.issuer}/auth`,
        token_endpoint: `${asked.issuer}/token`,
        code_challenge_methods_supported: ['S256'],
        authorization_response_iss_parameter_supported: true,
        capabilities: ['launch-ehr', 'sso-openid-connect', 'context-ehr-patient'],
      }),
    );
  }
  const token = (request.headers.authorization ?? '').replace('Bearer ', '');
  if (!(await provider.AccessToken.find(token))) return response.writeHead(401).end('{}');
  const answer = await fetch(asked.fhir + request.url.slice('/fhir'.length));
  return response.writeHead(answer.status).end(await answer.text());
}

async function fieldsOf(request) {
  let body = '';
  for await (const piece of request) body += piece;
  return new URLSearchParams(body);
}

createServer(async (request, response) => {
  if (request.url.startsWith('/fhir/')) return record(request, response);
  if (!request.url.startsWith('/interaction/')) return application(request, response);
  if (request.method === 'GET') {
    const { params } = await provider.interactionDetails(request, response);
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    return response.end(
      `<!doctype html><title>identity</title><p id="language">${params.ui_locales}</p><p id="levels">${params.acr_values}</p>
      <form method="post"><input name="person"><input name="level" value="eidas1">
      <button id="enter" name="verb" value="enter">enter</button><button id="cancel" name="verb" value="cancel">cancel</button></form>`,
    );
  }
  const said = await fieldsOf(request);
  const result =
    said.get('verb') === 'cancel'
      ? { error: 'access_denied', error_description: 'the person broke it off' }
      : { login: { accountId: said.get('person'), acr: said.get('level'), amr: ['mfa'] } };
  return provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}).listen(asked.port, '127.0.0.1');
