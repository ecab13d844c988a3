// Sends one call of every type through analytics.js as npm ships it, with the little of a browser that it asks for:
// browser.mjs URL WRITE_KEY batching|standard
const [url, writeKey, strategy] = process.argv.slice(2);

function storage() {
  const kept = new Map();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, String(value)),
    removeItem: (key) => kept.delete(key),
    key: (index) => [...kept.keys()][index] ?? null,
    get length() {
      return kept.size;
    },
  };
}

const page = new URL("http://www.site.test/home");
const document = {
  readyState: "complete",
  cookie: "",
  title: "Home",
  referrer: "",
  documentElement: {},
  currentScript: null,
  querySelector: () => null,
  querySelectorAll: () => [],
  getElementsByTagName: () => [],
  createElement: () => ({ setAttribute() {}, style: {} }),
  addEventListener() {},
  removeEventListener() {},
};
const given = {
  window: globalThis,
  self: globalThis,
  document,
  location: page,
  localStorage: storage(),
  sessionStorage: storage(),
  navigator: { onLine: true, userAgent: "Mozilla/5.0 test", language: "en" },
  addEventListener() {},
  removeEventListener() {},
};
for (const [name, value] of Object.entries(given)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

const { AnalyticsBrowser } = await import("@segment/analytics-next");
const api = new URL(url);
const batching = { strategy: "batching", config: { size: 3, timeout: 200 } };
const cdnSettings = {
  integrations: {
    "Segment.io": {
      apiKey: writeKey,
      apiHost: `${api.host}/v1`,
      protocol: "http",
      ...(strategy === "batching" ? { deliveryStrategy: batching } : {}),
    },
  },
};
const analytics = AnalyticsBrowser.load({ writeKey, cdnSettings }, { disableClientPersistence: true });
await analytics.ready();
await analytics.identify("u1", { email: "peter@example.com" });
await analytics.track("Bought", { plan: "pro" });
await analytics.page("Home");
await analytics.screen("Start");
await analytics.group("g1", { name: "Initech" });
await analytics.alias("u2", "a1");
