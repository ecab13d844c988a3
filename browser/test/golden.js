/**
 * The classic HubSpot destination's behaviour, row by row: what its own tests pin, and what it does on further inputs.
 * A row that says `differs` is a deliberate difference; docs/device-mode.md lists them with the reasons. Run by node against
 * the plugin alone (golden.test.js), and by Chromium through analytics.js (tests/browser/test_golden.py).
 */

const EMAIL = 'name@example.com'
const DAY = Date.UTC(2020, 0, 2)

export const IDENTIFY = [
  { row: 'no e-mail: no push', userId: 'id', traits: {}, contact: null },
  { row: 'an id among the traits', traits: { id: 7, email: EMAIL }, contact: { id: 7, email: EMAIL } },
  { row: 'e-mail alone', traits: { email: EMAIL }, contact: { email: EMAIL } },
  { row: 'userId becomes id', userId: 'id', traits: { email: EMAIL }, contact: { id: 'id', email: EMAIL } },
  { row: 'a Date', traits: { email: EMAIL, date: new Date(DAY) }, contact: { email: EMAIL, date: DAY } },
  {
    row: 'names in camelCase',
    traits: { email: EMAIL, firstName: 'Peter', lastName: 'Gibbons' },
    contact: { email: EMAIL, firstname: 'Peter', lastname: 'Gibbons' },
  },
  { row: 'upper case', traits: { email: EMAIL, yOlO: 1 }, contact: { email: EMAIL, yolo: 1 } },
  {
    row: 'white space of every kind',
    traits: { email: EMAIL, 'gogurts are\tlife\rand\vgood\ntoday\fhorray': 1 },
    contact: { email: EMAIL, gogurts_are_life_and_good_today_horray: 1 },
  },
  { row: 'dots', traits: { email: EMAIL, 'gogurts.are.life': 1 }, contact: { email: EMAIL, gogurts_are_life: 1 } },
  {
    row: 'company name and e-mail, trimmed',
    traits: { email: `   ${EMAIL}    `, company: { name: '  Example Company ' } },
    contact: { email: EMAIL, company: 'Example Company' },
  },
  { row: 'differs: a userId that is an e-mail is the e-mail', userId: 'a@b.com', traits: {}, contact: { id: 'a@b.com', email: 'a@b.com' } },
  {
    row: 'name is split',
    traits: { email: EMAIL, name: 'Peter Gibbons' },
    contact: { email: EMAIL, name: 'Peter Gibbons', firstname: 'Peter', lastname: 'Gibbons' },
  },
  { row: 'one name', traits: { email: EMAIL, name: 'Prince' }, contact: { email: EMAIL, name: 'Prince', firstname: 'Prince' } },
  {
    row: 'snake_case names are kept and added',
    traits: { email: EMAIL, first_name: 'P', last_name: 'G' },
    contact: { email: EMAIL, first_name: 'P', last_name: 'G', firstname: 'P', lastname: 'G' },
  },
  { row: 'firstName wins', traits: { email: EMAIL, firstName: 'A', firstname: 'B' }, contact: { email: EMAIL, firstname: 'A' } },
  { row: 'firstName wins in any order', traits: { firstname: 'B', firstName: 'A', email: EMAIL }, contact: { email: EMAIL, firstname: 'A' } },
  { row: 'company as text', traits: { email: EMAIL, company: 'Acme' }, contact: { email: EMAIL, company: 'Acme' } },
  { row: 'differs: a company without a name is left out', traits: { email: EMAIL, company: { id: 7 } }, contact: { email: EMAIL } },
  {
    row: 'differs: only the name of a company goes',
    traits: { email: EMAIL, company: { id: 1, name: 'Los Pollos', industry: 'Food' } },
    contact: { email: EMAIL, company: 'Los Pollos' },
  },
  {
    row: 'differs: an address is spread',
    traits: { email: EMAIL, address: { street: '1 Main St', city: ' Austin ', state: 'TX', postalCode: '78701', country: 'USA' } },
    contact: { email: EMAIL, address: '1 Main St', city: 'Austin', state: 'TX', zip: '78701', country: 'USA' },
  },
  { row: 'the zip of an address by any of its names', traits: { email: EMAIL, address: { zip: '1' } }, contact: { email: EMAIL, zip: '1' } },
  { row: '... postal_code', traits: { email: EMAIL, address: { postal_code: '2' } }, contact: { email: EMAIL, zip: '2' } },
  { row: 'address as text', traits: { email: EMAIL, address: '1 Main St' }, contact: { email: EMAIL, address: '1 Main St' } },
  {
    row: 'a trait of its own wins over a part of the address',
    traits: { email: EMAIL, city: 'Dallas', address: { city: 'Austin' } },
    contact: { email: EMAIL, city: 'Dallas' },
  },
  {
    row: 'ISO dates to milliseconds, numbers as they are',
    traits: { email: EMAIL, createdAt: '2020-01-02T03:04:05.000Z', d: '2020-01-02', n: 1577934245 },
    contact: { email: EMAIL, createdat: 1577934245000, d: DAY, n: 1577934245 },
  },
  {
    row: 'ISO dates with offsets, and the first day of 1970',
    traits: { email: EMAIL, a: '2020-01-02T03:04:05+02:00', b: '1970-01-01' },
    contact: { email: EMAIL, a: 1577927045000, b: 0 },
  },
  { row: 'differs: a time without a zone is UTC', traits: { email: EMAIL, a: '2020-01-02T03:04:05' }, contact: { email: EMAIL, a: 1577934245000 } },
  { row: 'no date at all', traits: { email: EMAIL, a: '2020-13-45', b: '2020' }, contact: { email: EMAIL, a: '2020-13-45', b: '2020' } },
  {
    row: 'the browser does not fold lifecycle stages',
    traits: { email: EMAIL, lifecycle_stage: 'lead', lifecycleStage: 'lead', 'Life Cycle': 'x' },
    contact: { email: EMAIL, lifecycle_stage: 'lead', lifecyclestage: 'lead', life_cycle: 'x' },
  },
  {
    row: 'differs: position and companyName also fill the contact properties',
    traits: { email: EMAIL, position: 'Boss', companyName: 'Acme' },
    contact: { email: EMAIL, position: 'Boss', jobtitle: 'Boss', companyname: 'Acme', company: 'Acme' },
  },
  { row: 'of jobTitle and position, position', traits: { email: EMAIL, jobTitle: 'CEO', position: 'Boss' }, contact: { email: EMAIL, jobtitle: 'Boss', position: 'Boss' } },
  { row: 'jobTitle', traits: { email: EMAIL, jobTitle: 'CEO' }, contact: { email: EMAIL, jobtitle: 'CEO' } },
  {
    row: 'odd keys',
    traits: { email: EMAIL, 'A  B': 1, 'a.c': 2, 'A-B': 3, 'é É': 4 },
    contact: { email: EMAIL, a__b: 1, a_c: 2, 'a-b': 3, é_é: 4 },
  },
  {
    row: 'differs: null is left out; lists are joined and trimmed',
    traits: { email: EMAIL, a: null, b: true, c: false, d: ['x', ' y '] },
    contact: { email: EMAIL, b: true, c: false, d: 'x;y' },
  },
  { row: 'Email in any case', traits: { Email: EMAIL }, contact: { email: EMAIL } },
  { row: 'zero-width padding', traits: { email: ' \u200Ba@b.com\u200B ' }, contact: { email: 'a@b.com' } },
  {
    row: 'nested traits, one level in HubSpot',
    traits: { email: EMAIL, equipment: { type: 'car', make: { make: 'Ford', model: 'T' } } },
    contact: { email: EMAIL, equipment_type: 'car', equipment_make_make: 'Ford', equipment_make_model: 'T' },
  },
]

export const TRACK = [
  { row: 'differs: a custom behavioural event, not the dead trackEvent', event: 'event', name: 'pe1234_event', properties: {} },
  { row: 'properties', event: 'event', given: { property: true }, name: 'pe1234_event', properties: { property: true } },
  { row: 'the seed example', event: 'Clicked Buy Now button', given: { value: 20.5 }, name: 'pe1234_clicked_buy_now_button', properties: { value: 20.5 } },
  { row: 'a date', event: 'event', given: { at: new Date(DAY), on: '2020-01-02' }, name: 'pe1234_event', properties: { at: DAY, on: DAY } },
  { row: 'differs: id keeps its name', event: 'Viewed Product', given: { id: ' 12345 ' }, name: 'pe1234_viewed_product', properties: { id: '12345' } },
  { row: 'differs: revenue stays, and is the value', event: 'event', given: { revenue: 13 }, name: 'pe1234_event', properties: { revenue: 13, value: 13 } },
  { row: 'revenue as text', event: 'event', given: { revenue: '$1,013.50' }, name: 'pe1234_event', properties: { revenue: 1013.5, value: 1013.5 } },
  { row: 'revenue below zero', event: 'event', given: { revenue: '-5' }, name: 'pe1234_event', properties: { revenue: -5, value: -5 } },
  { row: 'revenue that is no number', event: 'event', given: { revenue: 'unknown' }, name: 'pe1234_event', properties: { revenue: 'unknown' } },
  { row: 'differs: a value is never overwritten', event: 'Completed Order', given: { total: 13, value: 3, revenue: 9 }, name: 'pe1234_completed_order', properties: { total: 13, value: 3, revenue: 9 } },
  { row: 'trimmed', event: '   Did Something Valuable  ', name: 'pe1234_did_something_valuable', properties: {} },
  { row: 'an internal name is kept', event: 'pe1234_bought', name: 'pe1234_bought', properties: {} },
  { row: 'differs: nested values are flattened, dates too', event: 'event', given: { cart: { at: '2020-01-02', Items: 2 } }, name: 'pe1234_event', properties: { cart_at: DAY, cart_items: 2 } },
  { row: 'a list of objects', event: 'event', given: { products: [{ sku: 1 }] }, name: 'pe1234_event', properties: { products: '{"sku":1}' } },
  { row: 'accents, signs and blanks, as the server names events', event: ' Café - Menü  Opened! ', name: 'pe1234_cafe_menu_opened', properties: {} },
  { row: 'odd keys, as the server names them', event: 'event', given: { 'Utm-Source': 'x', 'Prix (€)': 3, a__b: 1 }, name: 'pe1234_event', properties: { a__b: 1, prix: 3, utm_source: 'x' } },
  { row: 'differs: only the server can name an event with other signs', event: 'purchased a 🍱' },
  { row: 'differs: ... in another script', event: 'Покупка' },
  { row: 'differs: ... with a digit first', event: '2nd visit' },
  { row: 'differs: ... behind an underscore', event: '_2nd visit' },
  { row: 'differs: ... without a letter or digit', event: '???' },
  { row: 'differs: ... of more than 100 letters', event: 'x'.repeat(101) },
  { row: '100 letters', event: 'x'.repeat(100), name: `pe1234_${'x'.repeat(100)}`, properties: {} },
  { row: 'a trade mark', event: 'Bought Foo™', name: 'pe1234_bought_footm', properties: {} },
]
