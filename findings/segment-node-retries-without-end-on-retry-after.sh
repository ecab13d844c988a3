#!/usr/bin/env bash
# Segment's Node SDK does not count retries after a 429 with Retry-After: maxRetries does not limit them.
#
# Package: @segment/analytics-node 3.1.0 (npm), Node 20.
# Expected before the run: maxRetries 2 means three requests for one batch, whatever the server answers.
# Seen: three requests after 429 without the header and after 503 with it, then a delivery_failure. After 429 with
# Retry-After: 1, request follows request every second; only the option maxRateLimitDuration ends that. "Retry-After: 0"
# is taken as one second. So a server that answers 429 with a short Retry-After to everybody invites a request a second
# from each process, and none of them gives up.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . @segment/analytics-node@3.1.0 > npm.log 2>&1
cat > run.js <<'JS'
const http = require('http')
const { Analytics } = require('@segment/analytics-node')
const ENOUGH = 7

function requests(status, retryAfter) {
  return new Promise((resolve) => {
    let count = 0
    const server = http.createServer((request, response) => {
      count += 1
      if (retryAfter) response.setHeader('Retry-After', retryAfter)
      request.resume().on('end', () => response.writeHead(status).end('{}'))
      if (count === ENOUGH) resolve(`${ENOUGH} or more requests`)
    })
    server.listen(0, '127.0.0.1', () => {
      const host = `http://127.0.0.1:${server.address().port}`
      const analytics = new Analytics({ writeKey: 'k', host, flushAt: 1, maxRetries: 2 })
      analytics.on('error', (error) => resolve(`${count} requests, then ${error.code}`))
      analytics.track({ userId: 'u', event: 'E' })
    })
  })
}

async function main() {
  for (const [status, retryAfter] of [[503, '1'], [429, undefined], [429, '1'], [429, '0']])
    console.log(status, retryAfter ?? '-', await requests(status, retryAfter))
  process.exit(0)
}
main()
JS
timeout 120 node run.js 2> warnings | tee seen
diff seen - <<'SEEN'
503 1 3 requests, then delivery_failure
429 - 3 requests, then delivery_failure
429 1 7 or more requests
429 0 7 or more requests
SEEN
