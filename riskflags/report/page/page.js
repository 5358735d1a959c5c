"use strict";
(function () {
  const data = JSON.parse(document.getElementById("cases-data").textContent);
  const cases = data.cases;
  const PAGE = 50;
  const severities = data.severities;
  const filters = ["severity", "rule", "action", "unit", "age", "care"];
  const columns = ["severity", "incident", "child", "unit", "open", "late"];
  const state = { sort: "worst", down: true, shown: PAGE, rows: cases };
  const form = document.getElementById("filters");
  const body = document.getElementById("case-rows");
  const said = document.getElementById("case-count");
  const more = document.getElementById("more");

  function make(tag, text, attributes) {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const name in attributes || {}) element.setAttribute(name, attributes[name]);
    return element;
  }

  function matches(one, wanted) {
    return (!wanted.severity || one.severity === wanted.severity)
      && (!wanted.rule || one.flags.some((flag) => flag.code === wanted.rule))
      && (!wanted.action || one.gaps.some((gap) => gap.action === wanted.action))
      && (!wanted.unit || one.unit === wanted.unit)
      && (!wanted.age || one.age === wanted.age)
      && (!wanted.care || one.care === wanted.care);
  }

  const keys = {
    worst: (one) => -one.place,
    severity: (one) => -severities.indexOf(one.severity),
    incident: (one) => one.incident,
    child: (one) => one.child,
    unit: (one) => one.unit,
    open: (one) => one.open,
    late: (one) => one.late,
  };

  function sorted(rows) {
    const key = keys[state.sort];
    const sign = state.down ? -1 : 1;
    return rows.slice().sort((a, b) => {
      const x = key(a), y = key(b);
      return x < y ? -sign : x > y ? sign : a.place - b.place;
    });
  }

  function wanted() {
    const found = {};
    for (const name of filters) found[name] = form.elements[name].value;
    return found;
  }

  function tag(severity) {
    return make("span", severity.toUpperCase(), { class: "tag " + severity });
  }

  function details(one) {
    const box = make("details");
    box.append(make("summary", one.flags.map((flag) => flag.code).join(", ") + ": why, and what is missing"));
    const gaps = make("ul");
    for (const gap of one.gaps) {
      const who = gap.suspect ? " (suspect " + gap.suspect + ")" : "";
      const start = gap.state === "overdue" ? "No record of: " : "Recorded late: ";
      const short = gap.short.length ? " On record, but falls short: " + gap.short.join("; ") + "." : "";
      gaps.append(make("li", start + gap.label + who + ". " + gap.owner + ". " + gap.due + ", " + gap.late + "." + short));
    }
    if (one.gaps.length) box.append(gaps);
    for (const flag of one.flags) {
      const line = make("p");
      line.append(tag(flag.severity), " " + flag.code + " " + flag.message + (flag.suspect ? " (suspect " + flag.suspect + ")" : ""));
      box.append(line);
      if (flag.told) {
        const told = make("details");
        told.append(make("summary", "Why " + flag.code + " fired, with its sources"), make("pre", flag.told));
        box.append(told);
      }
    }
    return box;
  }

  function row(one) {
    const line = make("tr", null, { id: "case-" + one.place });
    const first = make("td");
    first.append(tag(one.severity));
    const name = make("th", null, { scope: "row" });
    const link = make("a", one.incident, { href: "#case=" + encodeURIComponent(one.id), class: "tall" });
    name.append(link);
    const last = make("td");
    last.append(details(one));
    line.append(first, name, make("td", one.child || "not recorded"), make("td", one.unit),
      make("td", String(one.open), { class: "n" }), make("td", one.late ? Math.floor(one.late / 24) + " days" : "–", { class: "n" }), last);
    return line;
  }

  function draw() {
    const rows = state.rows.slice(0, state.shown);
    body.replaceChildren(...rows.map(row));
    said.textContent = state.rows.length + " of " + cases.length + " flagged records; " + rows.length + " shown.";
    more.hidden = state.rows.length <= state.shown;
    for (const name of columns) {
      const head = document.getElementById("head-" + name);
      if (state.sort === name) head.setAttribute("aria-sort", state.down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    }
  }

  function apply() {
    const want = wanted();
    state.rows = sorted(cases.filter((one) => matches(one, want)));
    state.shown = PAGE;
    draw();
  }

  function remember() {
    const want = wanted();
    const parts = filters.filter((name) => want[name]).map((name) => name + "=" + encodeURIComponent(want[name]));
    history.replaceState(null, "", "#" + (parts.length ? parts.join("&") : "cases"));
  }

  function follow() {
    const parts = new Map();
    for (const piece of location.hash.slice(1).split("&")) {
      const place = piece.indexOf("=");
      if (place > 0) {
        try { parts.set(piece.slice(0, place), decodeURIComponent(piece.slice(place + 1))); } catch (_) { continue; }
      }
    }
    if (!parts.size) return;
    for (const name of filters) {
      const value = parts.get(name) || "";
      const there = Array.from(form.elements[name].options).some((option) => option.value === value);
      form.elements[name].value = there ? value : "";
    }
    apply();
    if (parts.has("case")) {
      const place = state.rows.findIndex((one) => one.id === parts.get("case"));
      if (place >= 0) {
        state.shown = Math.max(PAGE, place + 1);
        draw();
        const line = body.children[place];
        line.querySelector("details").open = true;
        line.querySelector("a").focus();
        line.scrollIntoView();
      }
    } else {
      document.getElementById("cases").scrollIntoView();
    }
  }

  function cell(value) {
    let text = String(value);
    if (/^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return '"' + text.replace(/"/g, '""') + '"';
  }

  function download() {
    const head = ["severity", "incident_id", "child_id", "unit", "age_band", "in_care", "rules", "no_record_of", "longest_overdue_hours"];
    const lines = [head.map(cell).join(",")];
    for (const one of state.rows) {
      const missing = one.gaps.filter((gap) => gap.state === "overdue").map((gap) => gap.label).join("; ");
      lines.push([one.severity, one.incident, one.child, one.unit, one.age, one.care,
        one.flags.map((flag) => flag.code).join(" "), missing, one.late].map(cell).join(","));
    }
    const address = URL.createObjectURL(new Blob(["\ufeff" + lines.join("\r\n") + "\r\n"], { type: "text/csv" }));
    const link = make("a", "", { href: address, download: "riskflags-cases.csv" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  for (const one of cases) one.late = Math.max(0, ...one.gaps.map((gap) => gap.hours));
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => { apply(); remember(); });
  form.addEventListener("reset", () => setTimeout(() => { state.sort = "worst"; state.down = true; apply(); remember(); }, 0));
  document.getElementById("download").addEventListener("click", download);
  more.addEventListener("click", () => {
    const from = state.shown;
    state.shown += PAGE;
    draw();
    if (body.children[from]) body.children[from].querySelector("a").focus();
  });
  for (const name of columns) {
    document.getElementById("head-" + name).querySelector("button").addEventListener("click", () => {
      state.down = state.sort === name ? !state.down : true;
      state.sort = name;
      apply();
    });
  }
  window.addEventListener("hashchange", follow);
  document.documentElement.dataset.ready = "yes";
  apply();
  follow();
})();
