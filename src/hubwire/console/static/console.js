// Enhances the console's pages; every page works without it.
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("js");

  // Times in the reader's own zone; UTC stays in the title.
  const long = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const short = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const hours = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
  const weekdays = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
  const days = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });
  const ofThisYear = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

  function format(moment) {
    const now = new Date();
    if (moment.toDateString() === now.toDateString()) return short.format(moment);
    return (moment.getFullYear() === now.getFullYear() ? ofThisYear : long).format(moment);
  }

  function localise(within) {
    for (const time of within.querySelectorAll("time[datetime]:not([data-local])")) {
      const moment = new Date(time.dateTime);
      time.dataset.local = "";
      time.textContent = format(moment);
    }
    for (const label of within.querySelectorAll("text[data-at]")) {
      label.textContent = ({ day: days, weekday: weekdays }[label.dataset.unit] ?? hours).format(new Date(Number(label.dataset.at)));
    }
  }

  // Areas that scroll sideways can be reached with the keyboard.
  function reachable(within) {
    for (const area of within.querySelectorAll(".scroll")) {
      if (area.scrollWidth > area.clientWidth) area.tabIndex = 0;
    }
  }

  async function copy(button) {
    const near = button.closest(".snippet, .pane-body");
    const text = button.dataset.copy ?? near?.querySelector("pre")?.textContent ?? "";
    await navigator.clipboard.writeText(text);
    const words = button.textContent;
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = words; }, 1500);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.copy");
    if (button) copy(button).catch(() => { button.textContent = "Copy failed"; });
  });

  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  // Keys, as the dialog lists them. `r` is about the row that has the focus, `R` about the whole page.
  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

  function move(step) {
    const rows = [...document.querySelectorAll("main [data-row]")];
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = at < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(at + step, 0), rows.length - 1);
    rows[next].focus();
    rows[next].scrollIntoView({ block: "nearest" });
  }

  const keys = document.getElementById("keys");
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) keys?.showModal();
  });

  function replay(isWhole) {
    const row = isWhole ? null : document.activeElement.closest("[data-row]")?.closest("tr, li, article");
    const action = row ? row.querySelector("[data-key='r']") : document.querySelector("main [data-key='r']:not(td *)");
    action?.click();
  }

  document.addEventListener("keydown", (event) => {
    if (keys?.open) return;
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (event.key === "/") {
      event.preventDefault();
      document.getElementById("search")?.focus();
    } else if (event.key === "j" || event.key === "k") {
      move(event.key === "j" ? 1 : -1);
    } else if (event.key === "r" || event.key === "R") {
      replay(event.key === "R");
    } else if (event.key === "?" && keys) {
      keys.showModal();
    }
  });

  // Parts that refresh themselves pause while the page is hidden or while someone uses them.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const part = event.target;
    const every = part.getAttribute("hx-trigger")?.startsWith("every");
    const isUsed = part.contains(document.activeElement) || part.querySelector("details[open]:not([data-open])");
    if (every && (document.hidden || isUsed)) event.preventDefault();
  });
  document.addEventListener("htmx:load", (event) => { localise(event.target); reachable(event.target); });

  // A part with `data-changes` reloads as soon as the server reports a change, and otherwise every few seconds.
  // Only while the page is visible: browsers open few connections to one host.
  const live = document.querySelector("[data-changes]");
  let changes = null;
  function listen() {
    if (!live || document.hidden) {
      changes?.close();
      changes = null;
    } else if (!changes) {
      changes = new EventSource(live.dataset.changes);
      changes.addEventListener("changed", () => window.htmx?.trigger(`#${live.id}`, "changed"));
    }
  }
  document.addEventListener("visibilitychange", listen);
  window.addEventListener("pagehide", () => { changes?.close(); changes = null; });
  listen();

  // While the server does not answer, the page shows old data: say so until it answers again.
  let lost = null;
  function answered(isThere) {
    if (isThere) {
      lost?.remove();
      lost = null;
    } else if (!lost) {
      lost = document.createElement("p");
      lost.className = "notice warn lost";
      lost.setAttribute("role", "status");
      lost.textContent = "The server does not respond. This page is not up to date.";
      document.body.append(lost);
    }
  }
  document.addEventListener("htmx:afterRequest", (event) => answered(event.detail.successful));

  // Parts of a form that belong to a choice: `data-when="action=event,skip"` shows its element for these values.
  function choose(form) {
    for (const part of form.querySelectorAll("[data-when]")) {
      const [name, values] = part.dataset.when.split("=");
      const chosen = form.elements[name]?.value ?? "";
      part.hidden = !values.split(",").includes(chosen);
    }
  }
  const editor = document.querySelector("form.editor");
  if (editor) {
    choose(editor);
    editor.addEventListener("input", (event) => {
      choose(editor);
      // A fault is about what stood there before.
      document.getElementById(event.target.getAttribute("aria-describedby"))?.remove();
      event.target.removeAttribute("aria-invalid");
    });
    editor.addEventListener("click", (event) => {
      if (!event.target.closest("[data-add-row]")) return;
      const rows = editor.querySelectorAll("[data-rows] .pair");
      const row = rows[rows.length - 1].cloneNode(true);
      row.querySelector(".fault")?.remove();
      for (const field of row.querySelectorAll("input")) { field.value = ""; field.removeAttribute("aria-invalid"); }
      row.querySelector("select").selectedIndex = 0;
      rows[rows.length - 1].after(row);
      row.querySelector("input").focus();
    });
  }

  // Dropped files go to the server in parts; the page of the last one opens.
  const drop = document.querySelector("form[data-drop]");
  const post = async (url, body) => {
    const answer = await fetch(url, { method: "POST", body, headers: { accept: "application/json" } });
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.message ?? `the server answered ${answer.status}`);
    return told;
  };

  async function send(file, source, state) {
    if (file.size === 0) throw new Error(`${file.name} is empty`);
    if (file.size > Number(drop.dataset.maxBytes)) throw new Error(`${file.name} is too large for this page`);
    const { file_id: id } = await post("/import/files", new URLSearchParams({ name: file.name, size: file.size }));
    const step = Number(drop.dataset.partBytes);
    for (let offset = 0; offset < file.size; offset += step) {
      state.textContent = `${file.name}: ${Math.floor((100 * offset) / file.size)} % sent`;
      const query = new URLSearchParams({ offset, source });
      await post(`/import/${id}/bytes?${query}`, file.slice(offset, offset + step));
    }
    return id;
  }

  async function sendAll(files) {
    const state = drop.querySelector("[data-drop-state]");
    const failures = [];
    let id = null;
    for (const file of files) {
      try {
        id = await send(file, drop.elements.source.value, state);
      } catch (error) {
        failures.push(error.message);
      }
    }
    if (failures.length > 0) state.textContent = `Not sent: ${failures.join("; ")}.${id ? " Reload this page to see the other files." : ""}`;
    else if (id) window.location.assign(files.length === 1 ? `/import/${id}` : "/import");
  }

  if (drop) {
    drop.elements.file.addEventListener("change", (event) => sendAll([...event.target.files]));
    for (const name of ["dragenter", "dragover", "dragleave", "drop"]) {
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.toggle("over", name === "dragenter" || name === "dragover");
        if (name === "drop") sendAll([...event.dataTransfer.files]);
      });
    }
  }

  // The menu is open where there is room for it.
  const menu = document.getElementById("menu");
  const wide = window.matchMedia("(min-width: 860px)");
  const fit = () => { if (menu) menu.open = wide.matches; };
  wide.addEventListener("change", fit);
  fit();
  localise(document);
  reachable(document);
})();
