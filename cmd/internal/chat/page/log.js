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
  #last = null; // { name, at } of the last line, if somebody said it

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
    this.#follow();
  }

  said({ name, seat, text, at }, mine) {
    const item = element("li", "said speaker");
    item.style.setProperty("--hue", hue(seat));
    const time = element("time", "", clock.format(at));
    time.dateTime = new Date(at).toISOString();
    if (this.#last?.name !== name || at - this.#last.at > oneBreath) {
      item.classList.add("stop");
      const by = element("p", "by");
      by.append(bdi("name", name));
      if (mine) by.append(element("span", "you", "you"));
      by.append(time);
      item.append(by);
    } else {
      item.append(time); // beside the text
    }
    const words = element("p", "text");
    words.dir = "auto";
    words.append(...linked(text));
    item.append(words);
    this.#add(item, mine);
    this.#last = { name, at };
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
    while (this.#lines.children.length > longestLog) this.#lines.firstElementChild.remove();
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

// hue gives each seat in the room a colour of its own, the same on every screen: steps of the
// golden angle keep all of them apart, however many there are.
export function hue(seat) {
  return (seat * 137.508 + 160) % 360;
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
