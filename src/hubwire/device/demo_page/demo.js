/** The demo page's own behaviour: its buttons, the figures at the top, and the two lists at the right. */
const base = document.currentScript.dataset.base
const LOOK_EVERY_MS = 400
const SHOWN_ENTRIES = 100

const element = (id) => document.getElementById(id)
const cookie = (name) => (new RegExp(`(?:^|; )${name}=([^;]+)`).exec(document.cookie) || [])[1]
const options = () => (element('not-hubspot').checked ? { integrations: { HubSpot: false } } : {})
const text = (value) => (value === undefined || value === null ? '' : JSON.stringify(value, null, 1).replace(/\n\s*/g, ' '))

const CALLS = {
  page({ path }) {
    const [pathname, search] = path.split('?')
    return analytics.page(undefined, undefined, { path: pathname, search: search ? `?${search}` : '' }, options())
  },
  identify: ({ userId, ...traits }) => analytics.identify(userId, withoutEmpty(traits), options()),
  track: ({ event, value }) => analytics.track(event, value === '' ? {} : { value: Number(value) }, options()),
  group: ({ website }) => analytics.group('initech', { website, name: 'Initech' }, options()),
}

function withoutEmpty(values) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''))
}

/** One line of a list: a coloured word, what it is about, and details below it. */
function line(kind, title, details) {
  const item = document.createElement('li')
  const word = document.createElement('span')
  const about = document.createElement('b')
  word.className = `kind ${kind}`
  word.textContent = kind
  about.textContent = title
  item.className = 'new'
  item.append(word, ' ', about)
  for (const detail of details.filter(Boolean)) {
    const small = document.createElement('small')
    small.textContent = detail
    item.append(small)
  }
  return item
}

function add(list, item) {
  list.prepend(item)
  while (list.children.length > SHOWN_ENTRIES) list.lastChild.remove()
}

function describe(entry) {
  const who = entry.identity ? `identity ${text(entry.identity)}` : ''
  if (entry.kind === 'command') return line('command', entry.command[0], entry.command.slice(1).map(text))
  if (entry.kind === 'view') return line('view', entry.path, [entry.isAutomatic && 'counted by HubSpot itself, on loading', who])
  if (entry.kind === 'event') return line('event', entry.name, [text(entry.properties), who])
  return line('form', entry.formId, [text(entry.values)])
}

function showState(ctx) {
  const { device, utk } = (ctx && ctx.event.context.hubspot) || {}
  if (device) {
    element('device').textContent = device
    element('device').dataset.state = device
  }
  element('utk').textContent = utk || cookie('hubspotutk') || '–'
  element('utk').title = element('utk').textContent
}

function showSent({ event }) {
  const { type, properties, traits, context, integrations } = event
  const about = { page: properties?.path, identify: event.userId, track: event.event, group: event.groupId }[type]
  const details = [text(traits || properties), `context.hubspot ${text(context.hubspot)}`]
  if (Object.keys(integrations || {}).length) details.push(`integrations ${text(integrations)}`)
  const item = line(type, about || '', details)
  const fate = document.createElement('a')
  fate.href = `${base}/messages/${encodeURIComponent(event.messageId)}`
  fate.target = '_blank'
  fate.textContent = 'outcome'
  item.prepend(fate)
  add(element('sent'), item)
}

async function send(form) {
  const ctx = await CALLS[form.dataset.call](Object.fromEntries(new FormData(form)))
  showSent(ctx)
  showState(ctx)
  // On a phone, the lists are below the fold: without this, nothing would seem to happen.
  if (matchMedia('(max-width: 880px)').matches) element('hubspot-title').scrollIntoView()
}

function showWeight() {
  const ours = performance.getEntriesByType('resource').filter(({ name }) => /\/analytics\.js\/|\/next-integrations\/|\/bundles\//.test(name))
  const bytes = ours.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0)
  element('weight').textContent = `${ours.length} request${ours.length === 1 ? '' : 's'}, ${(bytes / 1000).toFixed(1)} kB`
}

function makeForm() {
  const place = element('hubspot-form')
  if (!place) return
  place.textContent = ''
  if (!window.hbspt?.forms) {
    place.textContent = 'The Forms SDK did not load: it is blocked in this browser. Everything else works.'
    return
  }
  hbspt.forms.create({ portalId: place.dataset.hubId, formId: 'demo-form', target: '#hubspot-form', css: '', cssRequired: '' })
}

let entries = []
const visitors = new Map() // page -> visitor: commands name only their page

function isOwn({ url, pageId, utk }) {
  const visitor = utk || visitors.get(pageId)
  return new URL(url).pathname === location.pathname && (!visitor || visitor === cookie('hubspotutk'))
}

function show(newEntries) {
  for (const entry of newEntries) if (element('everyone').checked || isOwn(entry)) add(element('received'), describe(entry))
  element('nothing-received').hidden = element('received').children.length > 0
}

function showAgain() {
  element('received').textContent = ''
  show(entries)
}

/** Follows HubSpot's log; entries of one page come in the order in which they happened there. */
async function follow() {
  let after = 0
  for (;;) {
    const answer = await fetch(`${base}/_emulator/browser/log?after=${after}`).catch(() => null)
    const { results } = answer && answer.ok ? await answer.json() : { results: [] }
    after = Math.max(after, ...results.map(({ id }) => id))
    results.sort((a, b) => (a.at + a.pageId === b.at + b.pageId ? a.sequence - b.sequence : a.at < b.at ? -1 : 1))
    for (const { pageId, utk } of results) if (utk) visitors.set(pageId, utk)
    entries = [...entries, ...results].slice(-SHOWN_ENTRIES * 10)
    show(results)
    await new Promise((next) => setTimeout(next, LOOK_EVERY_MS))
  }
}

for (const form of document.querySelectorAll('form.call')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    send(form)
  })
}

element('opt-out').checked = cookie('__hs_do_not_track') === 'yes'
element('opt-out').addEventListener('change', ({ target }) => {
  window._hsq = window._hsq || []
  window._hsq.push(target.checked ? ['doNotTrack'] : ['doNotTrack', { track: true }])
})

element('forget').addEventListener('click', () => {
  analytics.reset()
  for (const name of ['hubspotutk', '__hs_do_not_track']) document.cookie = `${name}=; path=/; max-age=0`
  element('opt-out').checked = false
  showState()
})

element('copy').addEventListener('click', async ({ target }) => {
  await navigator.clipboard.writeText(element('snippet').textContent)
  target.textContent = 'Copied'
})

if (element('received')) {
  element('clear').addEventListener('click', async () => {
    await fetch(`${base}/_emulator/browser/reset`, { method: 'POST' })
    entries = []
    showAgain()
  })
  element('everyone').addEventListener('change', showAgain)
  follow()
} else element('clear').remove()

analytics.ready(() => {
  const isLive = window._hsq && window._hsq.push !== [].push
  element('ready').textContent = `${Math.round(performance.now())} ms`
  showWeight()
  showState({ event: { context: { hubspot: { device: isLive ? 'loaded' : 'failed' } } } })
  makeForm()
})
