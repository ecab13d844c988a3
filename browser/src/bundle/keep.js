/**
 * Behind Segment's snippet: a page that is left before the one-request file has run keeps its calls in the tab's storage.
 * The next page of the site makes them, or the same page when the back button restores it. Once the file has run, no call
 * waits here any more. A storage that the visitor blocks keeps nothing.
 */
const waiting = window.analytics
const slot = `hubwire ${waiting._writeKey}`
const isCall = ([method]) => /^(track|page|identify|group|alias|screen|reset)$/.test(method)

const keep = () => {
  const calls = waiting.filter(isCall)
  try {
    if (calls.length) sessionStorage.setItem(slot, JSON.stringify(calls))
    for (const call of calls) waiting.splice(waiting.indexOf(call), 1)
  } catch (_) {}
}

const takeBack = () => {
  if (window.analytics !== waiting) return
  try {
    waiting.unshift(...JSON.parse(sessionStorage.getItem(slot) || '[]'))
    sessionStorage.removeItem(slot)
  } catch (_) {}
}

takeBack()
addEventListener('pagehide', keep)
addEventListener('pageshow', takeBack)
