/**
 * HubSpot for analytics.js 2.x, in the page: HubSpot's tracking code, and its Forms SDK if wanted.
 *
 * Calls go into HubSpot's queue `_hsq` at once and in order; HubSpot's script takes what is already there when it comes.
 * The first allowed page() starts that script, which counts one view by itself: that page's. Nothing here may break the
 * page, hold up `analytics.ready` for ever, or send what the server sends as well: every event carries a mark,
 * `context.hubspot`, and an event that is marked `failed` is left to the server.
 */
import { contact, eventName, eventProperties } from './properties.js'

const LOOK_EVERY_MS = 5
const PAGE_GRACE_MS = 300

/** True once HubSpot's script has taken over the queue. */
const isLive = () => window._hsq.push !== [].push


function push(...command) {
  window._hsq.push(command)
  return command
}

/** Adds a script, unless one with its id is in the page. */
const addScript = (script) =>
  document.getElementById(script.id) || document.head.append(Object.assign(document.createElement('script'), script))

/** Waits until the test holds, or the time is over. */
async function until(test, timeoutMs) {
  for (; timeoutMs > 0 && !test(); timeoutMs -= LOOK_EVERY_MS) await new Promise((next) => setTimeout(next, LOOK_EVERY_MS))
}

const plugin = (type, methods) => ({ name: 'HubSpot', version: '1.0.0', type, isLoaded: () => true, load: async () => {}, ...methods })

export function hubspotDevice({
  hubId,
  region = 'na1',
  loadFormsSdk,
  consentCategories = [],
  events = [],
  onlyEvents = false,
  emailOnly,
  timeoutMs = 8000,
  host = `https://js${region === 'na1' ? '' : '-' + region}.`,
  scriptBase = host + 'hs-scripts.com',
  formsUrl = host + 'hsforms.net/forms/v2.js',
}) {
  window._hsq = window._hsq || []
  const firstUrl = location.href
  let hasPage, hasView, isOver, areFormsOver, tracking, forms
  const held = new Map()
  const waiting = new WeakMap()

  const giveUp = () => (isOver = true)
  const forget = ({ event }) => held.delete(event.messageId)

  function startForms() {
    if (forms || !loadFormsSdk) return
    addScript({ id: 'hs-forms-sdk', src: formsUrl, onerror: () => (areFormsOver = true) })
    forms = until(() => areFormsOver || (window.hbspt && window.hbspt.forms), timeoutMs)
  }

  function start() {
    startForms()
    if (tracking) return
    // HubSpot's loader adds a second script, `hs-analytics`; ad blockers often stop only that one.
    addEventListener('error', ({ target }) => target.id === 'hs-analytics' && giveUp(), true)
    addScript({ id: 'hs-script-loader', src: `${scriptBase}/${hubId}.js`, onerror: giveUp })
    tracking = until(() => isLive() || isOver, timeoutMs).then(giveUp)
  }

  const handle = (send) => (ctx) => {
    const { type, context } = ctx.event
    forget(ctx)
    const { categoryPreferences } = context.consent || {}
    hasPage = hasPage || type === 'page'
    // Segment's rule: an event without consent on it flows; otherwise each of our categories must be true.
    if (!categoryPreferences || consentCategories.every((category) => categoryPreferences[category])) {
      if (hasPage) start()
      if (context.hubspot.device !== 'failed') waiting.set(send(ctx.event) || ctx, ctx)
    }
    return ctx
  }

  const calls = plugin('destination', {
    page: handle(({ properties: { path, search = '' } }) => {
      // HubSpot counts the last page before its script comes by itself; the ones before that one are ours to count.
      if (hasView && !isLive()) push('trackPageView')
      if (path) push('setPath', path + search)
      if (isLive() && (hasView || location.href !== firstUrl)) push('trackPageView')
      hasView = true
    }),
    identify: handle(({ userId, traits }) => {
      const person = contact(userId, emailOnly ? { email: traits.email } : traits)
      return person && push('identify', person)
    }),
    track: handle(({ event, properties }) =>
      push('trackCustomBehavioralEvent', { name: eventName(hubId, event), properties: eventProperties(properties) }),
    ),
  })

  function mark(ctx) {
    const { type, event, context, integrations, messageId } = ctx.event
    const cookie = document.cookie
    const hasOptedOut = /__hs_do_not_track=yes/.test(cookie)
    const [, utk] = (!hasOptedOut && /\bhubspotutk=([^;]+)/.exec(cookie)) || []
    // A track that the destination renames or filters is the server's, and one that only the server can name.
    const isServers = type === 'track' && (events.includes(event.trim().toLowerCase()) !== onlyEvents || !eventName(hubId, event))
    held.set(messageId, ctx)
    const device = isServers ? 'failed' : isLive() ? 'loaded' : isOver ? 'failed' : 'pending'
    context.hubspot = { device, hubId, utk }
    // Not for page(): HubSpot's script drops the view itself, and must be there for the visitor to opt in again.
    if (hasOptedOut && type !== 'page') integrations.HubSpot = false
    return ctx
  }

  /**
   * Loses nothing of a page that is left. A call that a timer of analytics.js still holds is sent now, by the server's
   * plugin, and what of it only a page can do is kept for the site's next page. So is a call that waits in this page for
   * HubSpot's script.
   */
  async function keepCalls(_ctx, { queue }) {
    addEventListener('pagehide', () => {
      while (kept.pop());
      held.forEach((ctx) => {
        const { type, context, integrations } = ctx.event
        context.hubspot.device = 'failed'
        const server = queue.plugins.find(({ name }) => name === 'Segment.io' && integrations[name] !== false)
        if (server) server[type](ctx)
        if (type !== 'track') kept.push(ctx)
      })
      if (tracking && !isOver && !isLive()) window._hsq = window._hsq.filter((command) => !(waiting.get(command) && kept.push(waiting.get(command))))
    })
    // A queue of analytics.js's own kind: it is written to the visitor's storage when the page is left, and read from it here.
    const kept = new queue.queue.constructor(9, [hubId])
    for (let ctx; (ctx = kept.pop()); ) if (ctx.event) queue.dispatch(ctx)
    queue.on('message_delivered', forget)
  }

  /** Settles when there is nothing more to wait for: what `analytics.ready` waits for. */
  async function settle() {
    if (!consentCategories[0]) startForms()
    await until(() => tracking, PAGE_GRACE_MS)
    await tracking
    await forms
  }

  return [
    plugin('enrichment', { load: keepCalls, page: mark, identify: mark, track: mark, group: mark, alias: mark, screen: mark }),
    calls,
    plugin('destination', { load: settle, ready: settle }),
  ]
}

hubspotDevice.pluginName = 'HubSpot'
