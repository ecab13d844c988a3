/**
 * Behind Segment's snippet: a page that is left before the one-request file has run keeps its calls in the tab's storage.
 * The next page of the site makes them (head.js). A storage that the visitor blocks keeps nothing.
 */
const waiting = window.analytics

const keep = () => {
  const calls = waiting.filter(([method]) => /^(track|page|identify|group|alias|screen|reset)$/.test(method))
  const slot = `hubwire ${waiting._writeKey}`
  try {
    const before = JSON.parse(sessionStorage.getItem(slot)) || []
    sessionStorage.setItem(slot, JSON.stringify(before.concat(calls)))
    for (const call of calls) waiting.splice(waiting.indexOf(call), 1)
  } catch (_) {}
}

waiting._keep = keep
addEventListener('pagehide', keep)
