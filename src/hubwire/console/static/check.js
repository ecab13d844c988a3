// The check page of device mode: reports whether the snippet works in this browser. Runs before the snippet.
(() => {
  "use strict";
  const { isOn, categories } = document.currentScript.dataset;
  const needed = JSON.parse(categories);
  const LOOK_EVERY_MS = 200;
  const PATIENCE_MS = 9000; // the plugin itself waits 8 s for HubSpot's script
  const began = Date.now();
  const failed = new Set();
  let waitsFor = began;
  let messageId = null;

  addEventListener("error", ({ target }) => {
    if (target?.tagName !== "SCRIPT") return;
    failed.add(target.id || (target.src.includes("/analytics.js/v1/") ? "hubwire" : target.src));
  }, true);

  const cookie = (name) => (new RegExp(`(?:^|; )${name}=([^;]+)`).exec(document.cookie) || [])[1];
  const isGiven = () => needed.every((category) => document.querySelector(`#consent [name="${CSS.escape(category)}"]`)?.checked);
  const isLate = (since) => Date.now() - since > PATIENCE_MS;

  function hubwire() {
    if (window.analytics?.initialize) return ["ok", "loaded"];
    return failed.has("hubwire") || isLate(began) ? ["fail", "not loaded: blocked, or the server does not respond"] : ["wait", "loading"];
  }

  function hubspot() {
    if (isOn === "no") return null;
    const isLoaded = window._hsq && window._hsq.push !== [].push;
    if (isLoaded && cookie("__hs_do_not_track") === "yes") return ["warn", "loaded; this visitor has opted out in HubSpot"];
    if (isLoaded) return ["ok", "loaded"];
    if (!document.getElementById("hs-script-loader")) {
      if (needed.length && !isGiven()) return ["warn", "not loaded: blocked by consent, which this visitor has not given"];
      return hubwire()[0] === "fail" || isLate(waitsFor) ? ["fail", "not loaded: the snippet did not request it"] : ["wait", "waits for the first page call"];
    }
    if (failed.has("hs-script-loader")) return ["fail", "not loaded: blocked, or HubSpot does not respond"];
    if (failed.has("hs-analytics")) return ["fail", "not loaded: the loader works, but the script that it loads is blocked"];
    return isLate(waitsFor) ? ["fail", "not loaded: no response"] : ["wait", "loading"];
  }

  function forms() {
    if (window.hbspt?.forms) return ["ok", "loaded"];
    if (failed.has("hs-forms-sdk")) return ["fail", "not loaded: blocked, or HubSpot does not respond"];
    if (needed.length && !isGiven()) return ["warn", "not loaded: blocked by consent"];
    return isLate(waitsFor) ? ["fail", "not loaded"] : ["wait", "loading"];
  }

  function utk() {
    const seen = cookie("hubspotutk");
    return seen ? ["ok", seen] : [isLate(waitsFor) || hubspot()?.[0] === "warn" ? "warn" : "wait", "none"];
  }

  function show(id, found) {
    const line = document.getElementById(id);
    if (!line || !found) return;
    line.dataset.health = found[0];
    const says = line.querySelector(".says");
    if (says.textContent !== found[1]) says.textContent = found[1];
  }

  function showMessage() {
    const line = document.getElementById("message");
    if (!messageId || line.dataset.message === messageId) return;
    const link = document.createElement("a");
    link.href = `/messages/${encodeURIComponent(messageId)}`;
    link.rel = "noopener";
    link.target = "_blank";
    link.textContent = "sent; show the message";
    line.dataset.message = messageId;
    line.dataset.health = "ok";
    line.querySelector(".says").replaceChildren(link);
  }

  function look() {
    show("hubwire", hubwire());
    show("hubspot", hubspot());
    show("forms", forms());
    show("utk", utk());
    showMessage();
  }

  document.addEventListener("DOMContentLoaded", () => {
    window.analytics?.addSourceMiddleware(({ payload, next }) => {
      messageId = payload.obj.messageId;
      if (needed.length) {
        const given = (category) => Boolean(document.querySelector(`#consent [name="${CSS.escape(category)}"]`)?.checked);
        payload.obj.context.consent = { categoryPreferences: Object.fromEntries(needed.map((category) => [category, given(category)])) };
      }
      next(payload);
    });
    document.getElementById("consent")?.addEventListener("change", () => {
      waitsFor = Date.now();
      window.analytics.page();
    });
    look();
    setInterval(look, LOOK_EVERY_MS);
  });
})();
