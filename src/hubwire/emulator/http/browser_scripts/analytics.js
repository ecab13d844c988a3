// Stand-in for HubSpot's tracking code: takes over the queue `_hsq`, counts the landing page by itself, and tells the
// emulator what it received (commands) and what HubSpot would count (views and events).
(function () {
  const src = document.currentScript.src
  const hubId = /([^/]+)\.js/.exec(src.split('/').pop())[1]
  const folder = src.replace(/\/analytics\/.*$/, '')
  const track = /hs-analytics\.net$/.test(folder) ? 'https://track.hubspot.com/_hubspot/track' : folder.replace(/\/js$/, '/track')
  const waiting = Array.isArray(window._hsq) ? window._hsq : []
  const pageId = Math.random().toString(16).slice(2)
  let sequence = 0
  let path = null
  let identity = null

  const cookie = (name) => (new RegExp(`(?:^|; )${name}=([^;]*)`).exec(document.cookie) || [])[1]
  const setCookie = (name, value, seconds) => (document.cookie = `${name}=${value}; path=/; max-age=${seconds}; samesite=lax`)
  const hasOptedOut = () => cookie('__hs_do_not_track') === 'yes'

  function visitor() {
    if (!cookie('hubspotutk')) {
      const bytes = crypto.getRandomValues(new Uint8Array(16))
      setCookie('hubspotutk', Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''), 15552000)
    }
    return cookie('hubspotutk')
  }

  function tell(entry) {
    const about = { hubId, pageId, sequence: sequence++, url: location.href, at: new Date().toISOString() }
    const body = JSON.stringify({ ...about, ...entry }, (_key, value) => (typeof value === 'function' ? '(function)' : value))
    // A plain text body needs no preflight; keepalive outlives the page.
    fetch(track, { method: 'POST', mode: 'no-cors', keepalive: true, body }).catch(() => {})
  }

  // Identified data travels with the next view or event, and is then used up.
  function count(entry) {
    if (hasOptedOut()) return
    tell({ ...entry, utk: visitor(), path: path || location.pathname + location.search, identity })
    identity = null
  }

  const commands = {
    setPath: (newPath) => (path = newPath),
    identify: (person) => (identity = { ...identity, ...person }),
    trackPageView: () => count({ kind: 'view', isAutomatic: false }),
    trackCustomBehavioralEvent: ({ name, properties = {} }) => count({ kind: 'event', name, properties }),
    doNotTrack: (options) => setCookie('__hs_do_not_track', options && options.track ? '' : 'yes', options && options.track ? 0 : 15552000),
    revokeCookieConsent: () => setCookie('hubspotutk', '', 0),
    addPrivacyConsentListener: (listen) => listen({ allowed: true, categories: { analytics: true, advertisement: true, functionality: true } }),
  }

  function receive(command) {
    if (typeof command === 'function') return command()
    const [name, ...values] = command
    tell({ kind: 'command', command })
    // `trackEvent` and whatever else HubSpot no longer knows does nothing there either.
    if (commands[name]) commands[name](...values)
  }

  window._hsq = { push: (...received) => received.forEach(receive) }
  waiting.forEach(receive)
  count({ kind: 'view', isAutomatic: true })
})()
