/** End of the one-request file: starts the core over its public interface, with settings and plugin at hand. */
const { name, load, options } = window.__hubwire
const plugins = [window.hubspotDevice].filter(Boolean)

delete window.__hubwire
if (name !== 'analytics') options.globalAnalyticsKey = name
window.AnalyticsNext.AnalyticsBrowser.load({ ...load, plugins }, options).then(
  ([analytics]) => (window[name] = analytics),
  (problem) => console.error('analytics.js', problem),
)
