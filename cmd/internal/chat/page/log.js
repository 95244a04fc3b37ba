// The log of the room: what was said, who came and went. Everything a visitor
// wrote enters the page as text, through textContent alone.

const longestLog = 500; // lines kept
const oneBreath = 3 * 60 * 1000; // lines of one speaker within it share a stop

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export class Log {
  #box;
  #lines;
  #newer;
  #following = true; // the end is in view, and is to stay there
  #size = ""; // of the box, when it was last looked at
  #last = null; // the last line, if somebody said it
  #before = ""; // the position before which earlier lines lie, if that is not the first line's

  here = ""; // the node of the page, which the lines said there do not show
  trimmed = () => {}; // called when lines at the top are forgotten

  constructor(box, lines, newer) {
    this.#box = box;
    this.#lines = lines;
    this.#newer = newer;
    newer.addEventListener("click", () => this.#follow());
    box.addEventListener("scroll", () => {
      if (this.#size !== this.#sizeNow()) return; // nobody scrolled: the box changed
      this.#following = box.scrollHeight - box.scrollTop - box.clientHeight < 40;
      if (this.#following) newer.hidden = true;
    });
    // A phone is turned, its keyboard takes half of the log away: stay with the end.
    new ResizeObserver(() => {
      this.#size = this.#sizeNow();
      if (this.#following) this.#follow();
    }).observe(box);
  }

  clear() {
    this.#lines.replaceChildren();
    this.#last = null;
    this.#before = "";
    this.#follow();
  }

  said(line, mine) {
    const item = said(line, mine, this.#last, this.here);
    this.#add(item, mine);
    this.#last = line;
  }

  // earlier puts lines in front of all others. What is in view stays there. A line that was said again is
  // kept twice, and shown once.
  earlier(lines, isMine) {
    const shown = new Set([...this.#lines.children].flatMap((item) => marks(item.line)));
    const items = [];
    let last = null;
    for (const line of lines) {
      if (marks(line).some((mark) => shown.has(mark))) continue;
      marks(line).forEach((mark) => shown.add(mark));
      items.push(said(line, isMine(line), last, this.here));
      last = line;
    }
    this.#before = lines[0]?.position ?? this.#before; // also if it is shown already
    const box = this.#box;
    const below = box.scrollHeight - box.scrollTop;
    box.style.overflowAnchor = "none"; // this moves the view, and the browser must not move it too
    this.#lines.prepend(...items);
    box.scrollTop = box.scrollHeight - below;
    box.style.overflowAnchor = "";
  }

  // oldest is the position before which earlier lines lie.
  oldest() {
    return this.#before || [...this.#lines.children].find((item) => item.line)?.line.position;
  }

  // notice adds a line about somebody: their name, if there is one, and what
  // happened.
  notice(name, what) {
    const item = element("li", "notice stop");
    if (name) item.append(bdi("", name), " ");
    item.append(what);
    this.#add(item, false);
    this.#last = null;
  }

  // #add keeps the end in view for those who are there; who has scrolled up to
  // read is told instead of moved.
  #add(item, mine) {
    this.#lines.append(item);
    while (this.#lines.children.length > longestLog) {
      this.#lines.firstElementChild.remove();
      this.#before = "";
      this.trimmed();
    }
    if (mine || this.#following) this.#follow();
    else this.#newer.hidden = false;
  }

  #sizeNow() {
    return `${this.#box.clientWidth}x${this.#box.clientHeight}`;
  }

  #follow() {
    this.#following = true;
    this.#box.scrollTop = this.#box.scrollHeight;
    this.#newer.hidden = true;
  }
}

// marks are what tells a line from others: no two have the same position, and no two the same speaker and number.
function marks({ position, from, number } = {}) {
  return [position, number && `${from} ${number}`].filter(Boolean);
}

// said is the item of a line. Behind a last line of the same speaker it has no name.
function said(line, mine, last, here) {
  const { name, seat = 0, text, at } = line;
  const node = line.node === here ? "" : line.node;
  const item = element("li", "said speaker");
  item.line = line;
  item.style.setProperty("--hue", hue(seat, node));
  const time = element("time", "", clock.format(at));
  time.dateTime = new Date(at).toISOString();
  if (last?.from !== line.from || last.name !== name || last.node !== line.node || at - last.at > oneBreath) {
    item.classList.add("stop");
    const by = element("p", "by");
    by.append(bdi("name", name));
    if (mine) by.append(element("span", "you", "you"));
    if (node) by.append(element("span", "you", node));
    by.append(time);
    item.append(by);
  } else {
    item.append(time); // beside the text
  }
  const words = element("p", "text");
  words.dir = "auto";
  words.append(...linked(text));
  item.append(words);
  return item;
}

export function element(tag, classes, text) {
  const e = document.createElement(tag);
  if (classes) e.className = classes;
  if (text !== undefined) e.textContent = text;
  return e;
}

// bdi keeps a name's own direction from turning the line around it.
export function bdi(classes, text) {
  return element("bdi", classes, text);
}

// hue gives each seat in the room a colour of its own, the same on every screen of a node: steps of
// the golden angle keep all of them apart, however many there are. Those of another node begin elsewhere.
export function hue(seat, node = "") {
  let turn = 160;
  for (const c of node) turn = (turn * 31 + c.codePointAt(0)) % 360;
  return (seat * 137.508 + turn) % 360;
}

// An address of the web in a text. What ends a sentence or a bracket around it does not belong to it.
const address = /\bhttps?:\/\/[^\s<>"]*[^\s<>"'.,;:!?)\]}\u2026]/giu;

// linked is a text as nodes, with a link for each address in it.
function linked(text) {
  const nodes = [];
  let end = 0;
  for (let { 0: found, index } of text.matchAll(address)) {
    if (text[index + found.length] === ")" && found.includes("(") && !found.includes(")")) found += ")";
    if (!URL.canParse(found)) continue;
    const link = element("a", "", found);
    link.href = found;
    link.target = "_blank";
    link.rel = "noopener noreferrer nofollow ugc";
    nodes.push(text.slice(end, index), link);
    end = index + found.length;
  }
  nodes.push(text.slice(end));
  return nodes;
}
