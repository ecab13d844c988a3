/**
 * What HubSpot's tracking code takes, made from Segment's shapes: pure functions, nothing of the page.
 * The rules are the classic HubSpot destination's; docs/device-mode.md lists where we differ, and why.
 */

const PADDING = /^[\s\u200B-\u200D\uFEFF]+|[\s\u200B-\u200D\uFEFF]+$/g
const ISO_DATE = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/

/** The contact property that a trait fills as well, if nothing else does. */
const ALSO_FILLS = {
  first_name: 'firstname',
  last_name: 'lastname',
  companyname: 'company',
  company_name: 'company',
  position: 'jobtitle',
  postalcode: 'zip',
  postal_code: 'zip',
}

const isObject = (value) => typeof value === 'object' && value && !Array.isArray(value) && !(value instanceof Date)

const trim = (text) => text.replace(PADDING, '')

/** A key as HubSpot names properties: lower case, `_` for each space, tab, line break or dot. */
export const propertyName = (key) => key.replace(/[\s.]/g, '_').toLowerCase()

/** The internal name of an event: `pe<Hub ID>_` and its name, unless it is an internal name already. */
export function eventName(hubId, event) {
  const name = propertyName(trim(event))
  return /^pe\d+_/.test(name) ? name : `pe${hubId}_${name}`
}

/** Text without padding; dates and ISO-8601 text as milliseconds (UTC if no zone is said); lists joined by `;`. */
export function propertyValue(value) {
  if (Array.isArray(value)) return value.map((item) => (isObject(item) ? JSON.stringify(item) : propertyValue(item))).join(';')
  if (value instanceof Date) return value.getTime()
  if (typeof value !== 'string') return value
  const text = trim(value)
  const [isDate, time, , , zone] = ISO_DATE.exec(text) || []
  const milliseconds = isDate ? Date.parse(time && !zone ? text + 'Z' : text) : NaN
  return isNaN(milliseconds) ? text : milliseconds
}

/** One level of properties: nested keys joined by `_`, empty values and functions left out. */
export function flatten(values, prefix = '', flat = {}) {
  // In descending order `firstName` comes after `firstname`: the Segment spec's spelling wins.
  for (const key of Object.keys(values).sort().reverse()) {
    const value = values[key]
    const name = prefix + propertyName(key)
    if (isObject(value)) flatten(value, name + '_', flat)
    else if (value != null && typeof value !== 'function') flat[name] = propertyValue(value)
  }
  return flat
}

const addressParts = (address) => ({
  address: address.street,
  city: address.city,
  state: address.state,
  country: address.country,
  zip: address.zip || address.postalCode || address.postal_code,
})

/** The contact of an identify, or nothing without an e-mail (in the traits, or as the userId). */
export function contact(userId, { address, company, ...traits }) {
  const found = flatten({
    ...(isObject(address) ? addressParts(address) : { address }),
    company: isObject(company) ? company.name : company,
    ...traits,
  })
  const fill = (property, value) => (found[property] = found[property] || value)
  for (const trait in ALSO_FILLS) if (found[trait]) fill(ALSO_FILLS[trait], found[trait])
  const [, first, last] = /^(\S+)\s*(.*)/.exec(found.name || '') || []
  if (first) fill('firstname', first)
  if (last) fill('lastname', last)
  if (userId) found.id = propertyValue(userId)
  if (/@/.test(userId)) fill('email', found.id)
  return found.email && found
}

/** The properties of a track; `revenue`, a number or text such as `$13.50`, is also the event's `value`. */
export function eventProperties(properties) {
  const found = flatten(properties)
  const revenue = parseFloat(`${found.revenue}`.replace(/[^\d.-]/g, ''))
  if (!('value' in found) && !isNaN(revenue)) found.value = revenue
  return found
}
