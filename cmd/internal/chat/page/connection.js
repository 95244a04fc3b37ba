// A WebSocket that comes back. While it is open, a lost connection is opened
// again after a delay that doubles with each failure, up to 15 seconds, and is
// shortened by chance so that a restarted server does not meet everybody at
// once. A network can also be cut without a word: a connection on which nothing
// comes is asked for an answer, and is lost without one.

const firstDelay = 500; // milliseconds
const longestDelay = 15000;
const quietTime = 20000; // without a message, until the server is asked for one
const patience = 10000; // for the answer, and for a connection to be made

export class Connection {
  #url;
  #on;
  #socket = null;
  #timer = 0;
  #failures = 0;
  #watch = 0; // the timer of quietTime, or of patience

  // on has three functions: up() when connected, message(object) for each
  // message, down() when the connection is lost or cannot be made.
  constructor(url, on) {
    this.#url = url;
    this.#on = on;
    addEventListener("online", () => this.retryNow());
  }

  open() {
    this.close();
    this.#connect();
  }

  // close ends the connection for good; nothing is called after it.
  close() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watch);
    this.#timer = 0;
    this.#failures = 0;
    const socket = this.#socket;
    this.#socket = null; // its late events are no longer ours
    socket?.close(1000);
  }

  // retryNow makes the next attempt at once, also in place of one that is still being made. A connection
  // that is open is asked for an answer.
  retryNow() {
    const socket = this.#socket;
    const connecting = socket?.readyState === WebSocket.CONNECTING;
    if (this.#timer || connecting) {
      clearTimeout(this.#timer);
      this.#connect();
      if (connecting) socket.close();
    } else {
      this.ask();
    }
  }

  // giveUp ends the connection, and makes another one after a while.
  giveUp() {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket.close(); // it may be open still, if no answer came
    this.#wait();
    this.#on.down();
  }

  // ask asks the server for an answer, a pong, and gives the connection up if nothing comes.
  ask() {
    if (this.send({ type: "ping" })) this.#expect();
  }

  // settled says that the server is well, so that the next loss starts with the
  // first delay again.
  settled() {
    this.#failures = 0;
  }

  // send reports whether the message could be handed over.
  send(message) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #connect() {
    this.#timer = 0;
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    this.#expect(); // a browser may go on trying for minutes
    const ours = (f) => (event) => {
      if (this.#socket === socket) f(event);
    };
    socket.addEventListener("open", ours(() => {
      this.#heard();
      this.#on.up();
    }));
    socket.addEventListener("message", ours((event) => {
      this.#heard();
      this.#on.message(JSON.parse(event.data));
    }));
    socket.addEventListener("close", ours(() => this.giveUp()));
  }

  // #heard notes that the connection is alive.
  #heard() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.ask(), quietTime);
  }

  // #expect gives the connection up if nothing comes.
  #expect() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => this.giveUp(), patience);
  }

  #wait() {
    const longest = Math.min(longestDelay, firstDelay * 2 ** this.#failures);
    this.#failures++;
    this.#timer = setTimeout(() => this.#connect(), longest * (0.5 + Math.random() / 2));
  }
}
