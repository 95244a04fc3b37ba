"use strict";
// Filters the cases by verdict and by words, and opens the one that the address
// names. The page is whole without it.
(() => {
  const $ = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll("#cases details")];
  const words = cases.map((c) => c.querySelector("summary").textContent.toLowerCase());
  const tiles = [...document.querySelectorAll(".tiles a")];
  const groups = [...document.querySelectorAll(".group")];
  const buttons = [...document.querySelectorAll("[data-verdict][aria-pressed]")];

  // The bar: a share of its length for each verdict.
  let at = 0;
  for (const b of buttons) {
    const r = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const share = Number(b.dataset.share);
    r.setAttribute("x", at);
    r.setAttribute("width", share);
    r.setAttribute("height", 1);
    r.setAttribute("class", b.className);
    document.querySelector(".bar").append(r);
    at += share;
  }

  function show() {
    const on = new Set(buttons.filter((b) => b.ariaPressed === "true").map((b) => b.dataset.verdict));
    const find = $("find").value.trim().toLowerCase();
    let shown = 0;
    cases.forEach((c, i) => {
      const is = on.has(c.dataset.verdict) && words[i].includes(find);
      c.hidden = !is;
      tiles[i].classList.toggle("dim", !is);
      shown += is;
    });
    for (const g of groups) g.hidden = !g.querySelector("details:not([hidden])");
    $("none").hidden = shown > 0 || cases.length === 0;
    $("shown").textContent = shown + " of " + cases.length;
    $("open").hidden = shown > 60 && !document.querySelector("details[open]");
  }

  // A click on a verdict shows it alone when all are shown, and brings all back
  // when it is alone.
  function press(b) {
    const on = buttons.filter((o) => o.ariaPressed === "true");
    if (on.length === buttons.length && on.length > 1) {
      for (const o of buttons) o.ariaPressed = String(o === b);
    } else if (on.length === 1 && on[0] === b) {
      for (const o of buttons) o.ariaPressed = "true";
    } else {
      b.ariaPressed = String(b.ariaPressed !== "true");
    }
    show();
  }

  function openNamed() {
    const c = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!c || c.tagName !== "DETAILS") return;
    if (c.hidden) reset();
    c.open = true;
    c.scrollIntoView({ block: "start" });
    c.querySelector("summary").focus({ preventScroll: true });
  }

  function reset() {
    for (const b of buttons) b.ariaPressed = "true";
    $("find").value = "";
    show();
  }

  for (const b of buttons) b.addEventListener("click", () => press(b));
  $("find").addEventListener("input", show);
  $("reset").addEventListener("click", reset);
  $("filter").addEventListener("submit", (e) => e.preventDefault());
  $("open").addEventListener("click", () => {
    const left = cases.filter((c) => !c.hidden);
    const open = left.some((c) => !c.open);
    for (const c of left) c.open = open;
    $("open").textContent = open ? "Close all" : "Open all";
  });
  addEventListener("hashchange", openNamed);
  $("filter").hidden = false;
  show();
  openNamed();
})();
