// Runs the module of a page made by examples/browser/build.py in Node, and prints tokens/s:
//     node story.mjs PAGE CHECKPOINT TOKENS
import {readFileSync} from "node:fs";
const [page, checkpoint, tokens] = process.argv.slice(2);
const code = Buffer.from(/atob\("([^"]+)"\)/.exec(readFileSync(page, "utf8"))[1], "base64");
const wasi = new Proxy({}, {get: () => () => 52});
const model = (await WebAssembly.instantiate(code, {wasi_snapshot_preview1: wasi})).instance.exports;
model._initialize?.();
function handOver(bytes) {
  const room = model.room(bytes.length);
  new Uint8Array(model.memory.buffer, room, bytes.length).set(bytes);
  return room;
}
const files = [readFileSync(checkpoint), readFileSync(tokens)];
const rooms = files.map(handOver);
model.open(rooms[0], files[0].length, rooms[1], files[1].length);
const prompt = Buffer.from("Once upon a time");
const start = performance.now();
const begun = model.begin(handOver(prompt), prompt.length);
while (model.go_on(0) === 1);
const seconds = (performance.now() - start) / 1000;
let text = "";
for (let at = 0; at < model.count(); ++at)
  text += Buffer.from(new Uint8Array(model.memory.buffer, model.text(at), model.text_size(at))).toString();
console.log(text);
console.log(`${Math.round((model.count() - begun) / seconds)} tokens/s, ${model.count()} tokens`);
