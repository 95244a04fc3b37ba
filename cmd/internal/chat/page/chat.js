// The page of the chat: a lobby that asks for a name, and the room.

import { Connection } from "./connection.js";
import { Log, bdi, element, hue } from "./log.js";

const $ = (id) => document.getElementById(id);
const lobby = $("lobby");
const room = $("room");
const log = new Log($("log"), $("lines"), $("newer"));

let wanted = ""; // the name asked for
let me = ""; // the name the room gave, "" while not in it
let people = []; // { name, seat }, in the order they came
let unseen = 0; // lines that came while nobody looked

const connection = new Connection(socketURL(), {
  up: () => connection.send({ type: "join", name: wanted }),
  message: (event) => receive(event),
  down: lost,
});

function socketURL() {
  const url = new URL("socket", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url;
}

// From the room

function receive({ type, name, seat = 0, text, at, people: all }) {
  switch (type) {
    case "welcome":
      welcome(name, all);
      break;
    case "refused":
      refused(text);
      break;
    case "joined":
      showPeople([...people, { name, seat }]);
      log.notice(name, "joined");
      break;
    case "left":
      showPeople(people.filter((p) => p.name !== name));
      log.notice(name, "left");
      break;
    case "said":
      log.said({ name, seat: people.find((p) => p.name === name)?.seat ?? 0, text, at }, name === me);
      countUnseen();
      break;
  }
}

function welcome(name, all) {
  const back = !room.hidden;
  me = name;
  connection.settled();
  showPeople(all);
  showRoom();
  showState("on", "Connected");
  if (back) log.notice("", `You are back as ${name}`);
  else log.notice("", `You joined as ${name}`);
}

function refused(why) {
  if (me) {
    $("say-error").textContent = why;
  } else {
    connection.close();
    showLobby(why);
  }
}

function lost() {
  if (room.hidden) {
    $("join-error").textContent = "No answer from the server. Trying again …";
    $("enter").disabled = false;
    return;
  }
  if (me) log.notice("", "The connection was lost");
  me = "";
  showState("lost", "Reconnecting");
}

// What is shown

function showLobby(error) {
  room.hidden = true;
  lobby.hidden = false;
  me = "";
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
  $("people").replaceChildren(...all.map(({ name, seat }) => {
    const item = element("li", "speaker");
    item.style.setProperty("--hue", hue(seat));
    item.append(bdi("name", name));
    if (name === me) item.append(element("span", "you", "you"));
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
  document.title = unseen ? `(${unseen}) framerail chat` : "framerail chat";
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
  if (!connection.send({ type: "say", text: text.value })) return; // keep what was written
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

$("name").value = sessionStorage.getItem("name") ?? "";
showLobby("");
