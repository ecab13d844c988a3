/**
 * What HubSpot's tracking code takes, made from Segment's shapes: pure functions, nothing of the page.
 * The rules are the classic HubSpot destination's; docs/device-mode.md lists where we differ, and why.
 */

const PADDING = /^[\s\u200B-\u200D]+|[\s\u200B-\u200D]+$/g
const ISO_DATE = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-][\d:]+)?)?$/

/** The contact property that a trait fills as well. */
const ALSO_FILLS = {
  first_name: 'firstname',
  last_name: 'lastname',
  companyname: 'company',
  company_name: 'company',
  position: 'jobtitle',
  postalcode: 'zip',
  postal_code: 'zip',
}

const isObject = (value) => value && value.constructor === Object

/** A trait's key as the classic destination writes it: lower case, `_` for each space, tab, line break or dot. */
const traitName = (key) => key.replace(/[\s.]/g, '_').toLowerCase()

const withoutAccents = (text) => text.normalize('NFKD').replace(/[\u0300-\u036f]/g, '').toLowerCase()

/** A name that HubSpot takes, as Hubwire's server makes it: accents taken off, `_` for all but a-z and digits. */
const internalName = (text) => withoutAccents(text).replace(/\W/g, '_').replace(/^_+|_+$/g, '')

/** The internal name of an event, `pe<Hub ID>_…`; none for what only the server can name: other scripts, digits first, long. */
export function eventName(hubId, event) {
  const prefix = `pe${hubId}_`
  const name = internalName(event).replace(/_+/g, '_').replace(prefix, '')
  if (/^[a-z].{0,99}$/.test(name) && !/[^\0-\x7f]/.test(withoutAccents(event))) return prefix + name
}

/** Text without padding; dates and ISO-8601 text as milliseconds (UTC if no zone is said); lists joined by `;`. */
function propertyValue(value) {
  if (Array.isArray(value)) return value.map(propertyValue).join(';')
  if (isObject(value)) return JSON.stringify(value)
  if (value instanceof Date) return +value
  if (!value || !value.trim) return value
  const text = value.replace(PADDING, '')
  const iso = ISO_DATE.exec(text)
  const milliseconds = Date.parse(iso && (iso[1] && !iso[2] ? text + 'Z' : text))
  return isNaN(milliseconds) ? text : milliseconds
}

/** One level of properties: nested keys joined by `_`, empty values left out. */
function flatten(nameOf, values, prefix = '', flat = {}) {
  // The first one stays, and capitals sort first: of `firstname` and `firstName`, the Segment spec's spelling wins.
  for (const key of Object.keys(values).sort()) {
    const value = values[key]
    const name = prefix + nameOf(key)
    if (isObject(value)) flatten(nameOf, value, name + '_', flat)
    else if (!(name in flat) && value != null) flat[name] = propertyValue(value)
  }
  return flat
}

/** The contact of an identify, or nothing without an e-mail (in the traits, or as the userId). */
export function contact(userId, { address, company, ...traits }) {
  const [, first, last] = /^\s*(\S+)\s*(.*)/.exec(traits.name || '') || []
  const found = flatten(traitName, {
    email: /@/.test(userId) ? userId : null,
    firstname: first,
    lastname: last || null,
    company: isObject(company) ? company.name : company,
    ...(isObject(address)
      ? {
          address: address.street,
          city: address.city,
          state: address.state,
          country: address.country,
          zip: address.zip || address.postalCode || address.postal_code,
        }
      : { address }),
    ...traits,
    id: userId || traits.id,
  })
  for (const trait in ALSO_FILLS) if (found[trait]) found[ALSO_FILLS[trait]] = found[trait]
  return found.email && found
}

/** The properties of a track; `revenue`, a number or text such as `$13.50`, is a number and also the `value`. */
export function eventProperties(properties) {
  const found = flatten(internalName, properties)
  const revenue = parseFloat((found.revenue + '').replace(/[^\d.-]/g, ''))
  return isNaN(revenue) ? found : { value: revenue, ...found, revenue }
}
