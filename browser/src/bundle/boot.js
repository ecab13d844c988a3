/**
 * Last part of the one-request file: starts the core over its public interface, with settings and plugin at hand.
 * The server puts `window.__hubwireSettings = (protocol, host, key) => ({…})` before it, and the plugin if the source wants it.
 */
const { name, base, writeKey } = window.__hubwire
const [protocol, host] = base.split('://')
const cdnSettings = window.__hubwireSettings(protocol, host, decodeURIComponent(writeKey))
const options = window[name]._loadOptions || {}
const plugins = [window.hubspotDevice].filter(Boolean)

delete window.__hubwire
delete window.__hubwireSettings
if (name !== 'analytics') options.globalAnalyticsKey = name
window.AnalyticsNext.AnalyticsBrowser.load({ writeKey: decodeURIComponent(writeKey), cdnURL: base, cdnSettings, plugins }, options).then(
  ([analytics]) => (window[name] = analytics),
  (problem) => console.error('analytics.js', problem),
)
