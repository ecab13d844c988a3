// Stand-in for HubSpot's loader, <Hub ID>.js: adds the tracking code, as a second script, once.
(function () {
  const src = document.currentScript.src
  const [, folder, hubId] = /^(.*)\/([^/]+)\.js/.exec(src)
  // On HubSpot's own hosts (a test may answer for them) the tracking code has a host of its own.
  const base = folder.replace(/^(https:\/\/js[^.]*)\.hs-scripts\.com$/, '$1.hs-analytics.net')
  if (document.getElementById('hs-analytics')) return
  const script = document.createElement('script')
  script.id = 'hs-analytics'
  script.src = `${base}/analytics/${Math.ceil(Date.now() / 300000) * 300000}/${hubId}.js`
  document.head.appendChild(script)
})()
