// Lets a test speak to the JavaScript of a negentropy checkout: one command a line on stdin.
//   new FRAME_LIMIT | item TS ID | seal | initiate | message HEX
// Answers: have ID … need ID … and then message HEX, done or error TEXT.
'use strict';
const path = require('node:path');
const readline = require('node:readline');

const { Negentropy, NegentropyStorageVector } = require(
  path.resolve(process.argv[2], 'js', 'Negentropy.js'));

async function main() {
  let frameLimit = 0;
  let storage = null;
  let side = null;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...rest] = line.split(' ');
    if (verb === 'new') {
      frameLimit = Number(rest[0]);
      storage = new NegentropyStorageVector();
    } else if (verb === 'item') {
      storage.insert(Number(rest[0]), rest[1]);
    } else if (verb === 'seal') {
      storage.seal();
      side = new Negentropy(storage, frameLimit);
    } else if (verb === 'initiate') {
      console.log(`message ${await side.initiate()}`);
    } else if (verb === 'message') {
      try {
        const [reply, have, need] = await side.reconcile(rest[0]);
        for (const id of have) console.log(`have ${id}`);
        for (const id of need) console.log(`need ${id}`);
        console.log(reply === null ? 'done' : `message ${reply}`);
      } catch (error) {
        console.log(`error ${error.message}`);
      }
    } else {
      throw new Error(`unknown command ${verb}`);
    }
  }
}

main();
