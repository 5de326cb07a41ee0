// A certified OpenID Connect provider (oidc-provider) for tests: whoever asks is uma, with a second factor.
// Arguments: port, address of the service under test, acr of its sign-ins.
import { Provider } from 'oidc-provider';

const [port, home, acr] = process.argv.slice(2);
const account = (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, upn: 'uma@corp.example.com' }) });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'identity-manager',
    client_secret: 'a secret between the two of us',
    redirect_uris: [`${home}/account/sso/corp/callback/`],
    post_logout_redirect_uris: [`${home}/account/signed-out/`],
    backchannel_logout_uri: `${home}/account/sso/corp/back-channel-logout/`,
    backchannel_logout_session_required: true,
  }],
  acrValues: ['urn:example:two'],
  claims: { openid: ['sub', 'upn'], acr: null, amr: null, auth_time: null, iss: null, sid: null },
  conformIdTokenClaims: false,
  cookies: { keys: ['of tests alone'] },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
  },
  // Its own choice refuses loopback.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  findAccount: account,
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid');
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  if (!ctx.path.startsWith('/interaction/')) return next();
  ctx.respond = false;
  const login = { accountId: 'uma-at-the-provider', ...(acr ? { acr } : {}) };
  return provider.interactionFinished(ctx.req, ctx.res, { login }, { mergeWithLastSubmission: false });
});
provider.listen(Number(port), '127.0.0.1');
