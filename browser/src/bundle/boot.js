/**
 * End of the one-request file: starts the core over its public interface, with settings and plugin at hand.
 *
 * The core makes each waiting call in a timer of its own, sorted by method, and a page that is left meanwhile loses them.
 * Here they are made in the order of the page, in one timer, or when the page is left.
 */
const { name, load, options } = window.__hubwire
const plugins = [window.hubspotDevice].filter(Boolean)
const waiting = Array.isArray(window[name]) ? window[name] : []
const isCall = ([method]) => /^(track|page|identify|group|alias|screen|reset)$/.test(method)
const calls = []
let makeCalls

delete window.__hubwire
if (name !== 'analytics') options.globalAnalyticsKey = name
waiting.splice(0, waiting.length, ...waiting.filter((call) => !isCall(call) || !calls.push(call)))
addEventListener('pagehide', () => makeCalls && makeCalls())
window.AnalyticsNext.AnalyticsBrowser.load({ ...load, plugins }, options).then(
  ([analytics]) => {
    makeCalls = () => {
      window[name] = analytics
      calls.push(...waiting.splice(0))
      for (const [method, ...values] of calls.splice(0)) analytics[method](...values)
    }
    setTimeout(makeCalls)
  },
  (problem) => console.error('analytics.js', problem),
)
