/**
 * Start of the one-request file, before the core: where this file came from, because chunks and events go there too (the
 * core knows neither plain http nor a path), and HubSpot's scripts asked for while the core still starts.
 *
 * Before it stands `window.__hubwireSettings = (protocol, host, key) => ({…})`, from the server.
 */
const script = document.currentScript || document.querySelector('script[src*="/analytics.js/v1/"]')
const name = script.getAttribute('data-global-segment-analytics-key') || 'analytics'
const analytics = (window[name] = window[name] || [])
const [, base, key] = /^(.+)\/analytics\.js\/v1\/([^/]+)\//.exec(script.src) || [0, new URL(script.src).origin, analytics._writeKey]
const writeKey = decodeURIComponent(key)
const delivery = {}
const [protocol, host] = base.split('://')
const cdnSettings = window.__hubwireSettings(protocol, host, writeKey)
const options = analytics._loadOptions || {}

// What leaves with the page outlives it. Not from the start, because a page may have only 64 kB of such requests under way.
cdnSettings.integrations['Segment.io'].deliveryStrategy = { config: delivery }
addEventListener('pagehide', () => (delivery.keepalive = true))

const preload = (href) => document.head.append(Object.assign(document.createElement('link'), { rel: 'preload', as: 'script', href }))

/** Whether this page runs the plugin, as far as that can be told now: nobody has a say in it but the settings. */
const isSure = (plugin) =>
  plugin && !plugin.consentSettings && !options.integrations && !options.updateCDNSettings && !options.disable && !options.disabled

const isUnlimitedPage = ([method, ...values]) => method === 'page' && !JSON.stringify(values).includes('integrations')

function preloadHubSpot([plugin]) {
  if (!isSure(plugin)) return
  const { hubId, scriptBase, loadFormsSdk, formsUrl } = plugin.settings
  if (Array.isArray(analytics) && analytics.some(isUnlimitedPage)) preload(`${scriptBase}/${hubId}.js`)
  if (loadFormsSdk) preload(formsUrl)
}

analytics._cdn = base
delete window.__hubwireSettings
window.__hubwire = { name, load: { writeKey, cdnURL: base, cdnSettings }, options }
preloadHubSpot(cdnSettings.remotePlugins)
