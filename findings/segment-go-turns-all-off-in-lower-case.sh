#!/usr/bin/env bash
# DisableAll of Segment's Go SDK writes "all", and Segment's own packages disagree on whether that turns anything off.
#
# Packages: github.com/segmentio/analytics-go/v3 3.3.0 (Go 1.26); @segment/analytics-node 3.1.0 and
# @segment/facade 3.4.10 (npm), Node 20.
# Expected before the run: DisableAll writes {"All": false}, the documented, case-sensitive name; and all of Segment's
# packages read it alike.
# Seen: it writes {"all": false}. Facade, which classic destinations use, reads the name in any case, so they get
# nothing; it reads the names of destinations by case. The plugin engine of analytics-node and analytics.js reads
# only "All", so a destination there gets the message. The same SDK leaves out a longitude or latitude of 0.
# Why it matters: a message that was to go nowhere goes out, or the one allowed destination is not the only one. A
# receiver must read both names; who filters in SQL or in a transformation must, too.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT; cd "$folder"
export GOPATH=$folder/go GOFLAGS=-modcacherw
npm install --silent --no-audit --no-fund --prefix . @segment/analytics-node@3.1.0 @segment/facade@3.4.10 > npm.log 2>&1
cat > main.go <<'GO'
package main

import (
	"encoding/json"
	"fmt"
	"github.com/segmentio/analytics-go/v3"
)

func main() {
	place := analytics.LocationInfo{City: "Greenwich", Latitude: 51.5, Longitude: 0}
	text, _ := json.Marshal(map[string]any{"integrations": analytics.NewIntegrations().DisableAll(), "location": place})
	fmt.Println(string(text))
}
GO
(go mod init finding; go get github.com/segmentio/analytics-go/v3@v3.3.0) 2> go.log
go run . | tee go.json
cat > run.js <<'JS'
const { Analytics } = require('@segment/analytics-node')
const { Track } = require('@segment/facade')
const sent = require('./go.json').integrations
const analytics = new Analytics({ writeKey: 'k', host: 'http://127.0.0.1:9', maxRetries: 0 })
let reached
const destination = { name: 'HubSpot', type: 'destination', version: '1', isLoaded: () => true, load: async () => {} }
destination.track = (context) => (reached = true) && context
analytics.register(destination).then(async () => {
  for (const integrations of [sent, { All: false }, { HubSpot: false }, { hubspot: false }]) {
    reached = false
    await new Promise((done) => analytics.track({ userId: 'u', event: 'E', integrations }, done))
    const enabled = new Track({ event: 'E', integrations }).enabled('HubSpot')
    console.log(JSON.stringify(integrations), `plugins ${reached}`, `facade ${enabled}`)
  }
  process.exit()
})
JS
node run.js | tee seen
diff <(cat go.json seen) - <<'SEEN'
{"integrations":{"all":false},"location":{"city":"Greenwich","latitude":51.5}}
{"all":false} plugins true facade false
{"All":false} plugins false facade false
{"HubSpot":false} plugins false facade false
{"hubspot":false} plugins true facade true
SEEN
