// An OpenID Connect provider (npm's certified oidc-provider) on loopback: `node provider.mjs PORT REDIRECT_URI…`.
// Any password signs in; the name decides the roles.
import { Provider } from 'oidc-provider'

const [port, ...redirectUris] = process.argv.slice(2)
const issuer = `http://127.0.0.1:${port}`
const ROLES = { ana: ['hubwire-operate', 'staff'], root: ['hubwire-view', 'hubwire-admin'], eve: ['staff'] }
const client = (client_id, more) => ({
  client_id,
  redirect_uris: redirectUris,
  post_logout_redirect_uris: redirectUris.map((uri) => uri.replace('/login/sso/callback', '/login?done=ended')),
  ...more,
})
const provider = new Provider(issuer, {
  clients: [
    client('hubwire', { client_secret: 'a secret: with / signs' }),
    client('hubwire-post', { client_secret: 'posted', token_endpoint_auth_method: 'client_secret_post' }),
    client('public', { token_endpoint_auth_method: 'none' }),
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['roles'] },
  features: { userinfo: { enabled: true } },
  pkce: { required: () => true },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, roles: ROLES[id] }),
  }),
})
provider.listen(Number(port), '127.0.0.1', () => console.log(`listening ${issuer}`))
