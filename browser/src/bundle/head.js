/**
 * First part of the one-request file, before the core: where this file came from, because chunks and events go there too.
 * Works on plain http and below a path; the core alone knows neither.
 */
const script = document.currentScript || document.querySelector('script[src*="/analytics.js/v1/"]')
const name = script.getAttribute('data-global-segment-analytics-key') || 'analytics'
const analytics = (window[name] = window[name] || [])
const [, base, writeKey] = /^(.+)\/analytics\.js\/v1\/([^/]+)\//.exec(script.src) || [0, new URL(script.src).origin, analytics._writeKey]

analytics._cdn = base
window.__hubwire = { name, base, writeKey }
