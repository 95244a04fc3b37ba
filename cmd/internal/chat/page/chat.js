// The page of the chat: a lobby that asks for a name, and the room.

import { Connection } from "./connection.js";
import { Log, bdi, element, hue } from "./log.js";

const $ = (id) => document.getElementById(id);
const lobby = $("lobby");
const room = $("room");
const log = new Log($("log"), $("lines"), $("newer"));

const place = location.pathname.split("/").pop() || "lobby"; // the room's name
const key = secret(); // of this page alone; "from" is made of it

let wanted = ""; // the name asked for
let me = ""; // the name the room gave, "" while not in it
let from = ""; // what the room calls this page, whatever its name is
let people = []; // { name, seat, node }, in the order they came
let unseen = 0; // lines that came while nobody looked

// What the page knows of the lines. A position, such as "8a3f.17", is that of the last line it has.
let position = "";
let current = false; // all that was missed is here
let heard = new Map(); // the highest number of each "from"
let number = 0; // of the last thing said
const unheard = new Map(); // what was said and has not come back, by its number
let older = false; // the room has lines before the first one here
let asking = false; // for those

const connection = new Connection(socketURL(), {
  up: () => connection.send({ type: "join", room: place, name: wanted, key, since: position || undefined }),
  message: (event) => receive(event),
  down: lost,
});

function socketURL() {
  const url = new URL("socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

// From the room

function receive(event) {
  const { type, name, node } = event;
  switch (type) {
    case "welcome":
      welcome(event);
      break;
    case "refused":
      refused(event);
      break;
    case "joined":
    case "here":
      showPeople([...people, { name, seat: event.seat, node }]);
      if (type === "joined") log.notice(name, "joined");
      break;
    case "left":
      showPeople(people.filter((p) => p.name !== name || p.node !== node));
      log.notice(name, "left");
      break;
    case "said":
      if (!me) break; // it comes again behind the welcome
      if (said(event)) countUnseen();
      break;
    case "pong":
      catchUp();
      break;
    case "gap":
      log.notice("", "Something may be missing here");
      position = event.position ?? position;
      becomeCurrent(); // what was said here may be lost too
      break;
    case "older":
      asking = false;
      log.earlier(event.lines ?? [], isMine);
      showOlder(event.older);
      break;
  }
}

function welcome({ name, from: mine, node, people: all, position: at, lines = [], older: more = false, gap = false }) {
  const back = !room.hidden;
  me = name;
  from = mine;
  log.here = node;
  connection.settled();
  showPeople(all);
  showRoom();
  if (!back) showOlder(more);
  showState("on", "Connected");
  $("node").textContent = node ? `node ${node}` : "";
  $("say-error").textContent = "";
  if (gap) log.notice("", "Something may be missing here");
  lines.forEach(said);
  if (!back || gap || !position) position = at ?? "";
  if (back) log.notice("", `You are back as ${name}`);
  else log.notice("", `You joined as ${name}`);
  becomeCurrent();
}

// said shows a line, unless it was shown before: a page that was cut off says again what it
// has not heard.
function said(line) {
  const { from: speaker, number = 0 } = line;
  const had = line.position && reached(position, line.position);
  if (!had) position = line.position || position;
  if (speaker === from) {
    for (const n of unheard.keys()) if (n <= number) unheard.delete(n);
  }
  if (had) return false;
  if (number > 0) {
    if (number <= (heard.get(speaker) ?? 0)) return false;
    heard.delete(speaker); // to the end
    heard.set(speaker, number);
    if (heard.size > 2000) heard.delete(heard.keys().next().value);
  }
  log.said(line, isMine(line));
  return true;
}

const isMine = (line) => line.from === from;

// becomeCurrent asks for a pong, which comes behind all lines that were missed. Positions do not tell that: over JetStream the
// lines of other rooms count too. Until then nothing is said, because what was said before comes first.
function becomeCurrent() {
  current = false;
  connection.ask();
}

// catchUp says what has not come back, with its old numbers.
function catchUp() {
  if (!me || current) return;
  current = true;
  for (const [n, text] of unheard) connection.send({ type: "say", text, number: n });
}

// reached tells whether one position is that of another, or behind it. One of another epoch is not.
function reached(at, end) {
  const [epoch, offset] = at.split(".");
  const [other, last] = end.split(".");
  return epoch === other && Number(offset) >= Number(last);
}

// forget begins with an empty room.
function forget() {
  heard = new Map();
  unheard.clear();
  position = "";
  asking = current = false; // what was asked for does not come any more
}

function refused({ text, number: n }) {
  if (!me && room.hidden) {
    connection.close();
    showLobby(text);
    return;
  }
  if (me) {
    if (!$("text").value) $("text").value = unheard.get(n) ?? "";
    unheard.delete(n);
    showText();
  } else {
    connection.giveUp(); // somebody has its place, for now
  }
  $("say-error").textContent = text;
}

function lost() {
  if (room.hidden) {
    $("join-error").textContent = "No answer from the server. Trying again …";
    $("enter").disabled = false;
    return;
  }
  if (me) log.notice("", "The connection was lost");
  me = "";
  asking = false;
  current = false;
  showState("lost", "Reconnecting");
}

// What is shown

function showLobby(error) {
  room.hidden = true;
  lobby.hidden = false;
  me = "";
  forget();
  unseen = 0;
  showUnseen();
  $("join-error").textContent = error;
  $("name").toggleAttribute("aria-invalid", Boolean(error));
  $("enter").disabled = false;
  $("name").focus();
}

function showRoom() {
  if (!room.hidden) return;
  log.clear();
  lobby.hidden = true;
  room.hidden = false;
  $("text").focus();
}

function showState(state, words) {
  $("state").dataset.state = state;
  $("state").textContent = words;
  $("lost").hidden = state === "on";
  room.classList.toggle("is-lost", state !== "on");
  showText();
}

function showPeople(all) {
  people = all;
  $("people").replaceChildren(...all.map(({ name, seat = 0, node }) => {
    const item = element("li", "speaker");
    item.style.setProperty("--hue", hue(seat, node));
    item.append(bdi("name", name));
    if (name === me && !node) item.append(element("span", "you", "you"));
    if (node) item.append(element("span", "you", node));
    return item;
  }));
  $("people-count").textContent = $("people-count-button").textContent = all.length;
}

// showText fits the composer to what is in it.
function showText() {
  const text = $("text");
  $("send").disabled = !me || text.value.trim() === "";
  const left = text.maxLength - text.value.length;
  $("left-over").textContent = left <= 200 ? `${left} left` : "";
  $("left-over").classList.toggle("is-short", left === 0);
  if (!CSS.supports("field-sizing", "content")) {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }
}

function showOlder(more = false) {
  older = more;
  $("earlier").hidden = !more;
}

function askForOlder() {
  if (!older || asking || !me) return;
  asking = connection.send({ type: "older", before: log.oldest() });
}

function togglePeople(open) {
  $("people-panel").classList.toggle("is-open", open);
  $("show-people").setAttribute("aria-expanded", open);
}

// countUnseen counts a line that came, unless somebody looks at the page.
function countUnseen() {
  if (document.hidden || !document.hasFocus()) unseen++;
  showUnseen();
}

function seen() {
  if (document.hidden || !document.hasFocus()) return;
  unseen = 0;
  showUnseen();
}

function showUnseen() {
  const title = place === "lobby" ? "framerail chat" : `${place} · framerail chat`;
  document.title = unseen ? `(${unseen}) ${title}` : title;
}

function secret() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

// From the visitor

$("join").addEventListener("submit", (event) => {
  event.preventDefault();
  wanted = $("name").value.trim();
  if (!wanted) {
    showLobby("Please enter a name.");
    return;
  }
  sessionStorage.setItem("name", wanted);
  $("join-error").textContent = "";
  $("enter").disabled = true;
  connection.open();
});

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text");
  if (!me || text.value.trim() === "") return;
  if (current && !connection.send({ type: "say", text: text.value, number: number + 1 })) return; // keep what was written
  unheard.set(++number, text.value);
  text.value = "";
  $("say-error").textContent = "";
  showText();
  text.focus();
});

$("text").addEventListener("input", showText);
$("text").addEventListener("keydown", (event) => {
  // While an input method is composing, Enter belongs to it.
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $("say").requestSubmit();
});

$("earlier").addEventListener("click", askForOlder);
$("log").addEventListener("scroll", () => {
  if ($("log").scrollTop < 60) askForOlder();
});
log.trimmed = () => showOlder(true);

$("leave").addEventListener("click", () => {
  connection.close();
  showLobby("");
});

$("retry").addEventListener("click", () => connection.retryNow());
$("show-people").addEventListener("click", () => {
  togglePeople($("show-people").getAttribute("aria-expanded") !== "true");
});

$("hide-people").addEventListener("click", hidePeople);

function hidePeople() {
  togglePeople(false);
  $("show-people").focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && $("people-panel").classList.contains("is-open")) {
    hidePeople();
  }
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("#people-panel, #show-people")) togglePeople(false);
});

document.addEventListener("visibilitychange", seen);
addEventListener("focus", seen);

$("lobby-room").textContent = $("room-name").textContent = place;
$("name").value = sessionStorage.getItem("name") ?? "";
showLobby("");
