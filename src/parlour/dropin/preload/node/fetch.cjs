// Loaded by every Node.js that `parlour run` or `parlour env` leads: sends the built-in `fetch` through the proxy
// of the environment. Node.js does so itself since 22.21 and 24.5, with NODE_USE_ENV_PROXY=1.
"use strict";

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const proxy = process.env.HTTPS_PROXY && new URL(process.env.HTTPS_PROXY);
const direct = (process.env.NO_PROXY || "").split(",").map((each) => each.trim().toLowerCase()).filter(Boolean);

function isDirect(host) {
  const name = host.toLowerCase().replace(/^\[|\]$/g, "");
  return direct.some((each) => name === each || name.endsWith(each.startsWith(".") ? each : `.${each}`));
}

// Gives `done` a socket to the target: through a tunnel of the proxy, and with TLS for https.
function connect(options, done) {
  const net = require("node:net");
  const tls = require("node:tls");
  const isSecure = options.protocol === "https:";
  const port = Number(options.port) || (isSecure ? 443 : 80);
  const secure = (socket) =>
    tls.connect({ socket, host: options.hostname, port, servername: options.servername || options.hostname });
  const hand = (socket, event) =>
    socket.once(event, () => done(null, socket)).once("error", (error) => done(error, null));
  if (isDirect(options.hostname) || !isSecure) {
    const socket = net.connect({ host: options.hostname.replace(/^\[|\]$/g, ""), port });
    return isSecure ? hand(secure(socket), "secureConnect") : hand(socket, "connect");
  }
  const request = require("node:http").request({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port,
    method: "CONNECT",
    path: `${options.hostname}:${port}`,
    headers: { host: `${options.hostname}:${port}` },
  });
  request.once("error", (error) => done(error, null));
  request.once("connect", (answer, socket) => {
    if (answer.statusCode === 200) return hand(secure(socket), "secureConnect");
    socket.destroy();
    return done(new Error(`the proxy answered ${answer.statusCode} for ${options.hostname}`), null);
  });
  return request.end();
}

const knowsProxies = process.allowedNodeEnvironmentFlags.has("--use-env-proxy");
if (proxy && typeof fetch === "function" && !knowsProxies) {
  const original = fetch;
  let ready;
  // The first call loads Node's own client, whose agent is then replaced by one of its kind. A program that has
  // chosen an agent before keeps it.
  const prepare = async () => {
    if (globalThis[DISPATCHER]) return;
    await original("data:,");
    const agent = globalThis[DISPATCHER];
    if (agent) globalThis[DISPATCHER] = new agent.constructor({ connect });
  };
  globalThis.fetch = (...request) => (ready ??= prepare()).then(() => original(...request));
}
