// An OpenID provider for the end-to-end tests: the certified package
// oidc-provider, with users that sign in without a prompt.
//
// The first line on standard output is its URL. The user of the last `PUT /person`
// (`{"sub", "email", "email_verified", "name", "groups"}`) signs in; after `PUT /person`
// with null, consent is denied. `PUT /keys` rotates the signing key. The process ends when
// its standard input is closed.

import { generateKeyPairSync, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const options = JSON.parse(process.argv[2] ?? "{}");
const people = new Map();
let person = null;

const key = () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const kid = randomBytes(8).toString("hex");
  return { ...privateKey.export({ format: "jwk" }), alg: "RS256", use: "sig", kid };
};

const make = (issuer) =>
  new Provider(issuer, {
    clients: [
      {
        client_id: "tocsin",
        client_secret: options.secret,
        token_endpoint_auth_method: options.auth ?? "client_secret_basic",
        // Of a program on this machine any port is good.
        application_type: "native",
        redirect_uris: ["http://127.0.0.1/api/v1/sign-in/oidc/callback"],
        grant_types: ["authorization_code"],
        response_types: ["code"],
      },
    ],
    // In the ID token itself, or only where the standard has them: in user info.
    conformIdTokenClaims: !options.claimsInToken,
    claims: {
      email: ["email", "email_verified"],
      profile: ["name"],
      groups: ["groups"],
    },
    scopes: ["openid", "email", "profile", "groups"],
    pkce: { required: () => true },
    jwks: { keys: [key()] },
    cookies: { keys: [randomBytes(16).toString("hex")] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ ...people.get(sub), sub }) }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, Grant: 600, IdToken: 600, Interaction: 600, Session: 600 },
  });

const body = async (request) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  return JSON.parse(Buffer.concat(pieces).toString() || "null");
};

// Signs in and consents, or denies, like the pages of a provider.
const interact = async (provider, request, response) => {
  const { prompt, params, session } = await provider.interactionDetails(request, response);
  if (person === null) {
    const no = { error: "access_denied", error_description: "the person said no" };
    await provider.interactionFinished(request, response, no);
  } else if (prompt.name === "login") {
    const result = { login: { accountId: person.sub } };
    await provider.interactionFinished(request, response, result);
  } else {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    const result = { consent: { grantId: await grant.save() } };
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
  }
};

const server = createServer();
server.listen(options.port ?? 0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  let provider = make(issuer);
  let answer = provider.callback();
  server.on("request", async (request, response) => {
    try {
      if (request.method === "PUT" && request.url === "/person") {
        person = await body(request);
        if (person !== null) people.set(person.sub, person);
        response.writeHead(204).end();
      } else if (request.method === "PUT" && request.url === "/keys") {
        provider = make(issuer);
        answer = provider.callback();
        response.writeHead(204).end();
      } else if (request.url.startsWith("/interaction/")) {
        await interact(provider, request, response);
      } else {
        await answer(request, response);
      }
    } catch (error) {
      console.error(error);
      response.writeHead(500).end(String(error));
    }
  });
  console.log(JSON.stringify({ issuer }));
});

process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
