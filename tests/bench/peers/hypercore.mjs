// Hypercore at the benches' work: one core, its writer or a reader, over Noise on loopback TCP.
//   node hypercore.mjs FOLDER TEXTS
import { createServer, connect } from 'node:net'
import { once } from 'node:events'
import Hypercore from 'hypercore'
import { obey, seconds, Texts } from './orders.mjs'

const [folder, path] = process.argv.slice(2)
const texts = new Texts(path)
const BATCH = 1000
let core

const opened = async (key) => {
  core ??= new Hypercore(folder, key ? Buffer.from(key, 'hex') : undefined)
  await core.ready()
  return core
}

await obey({
  async fill ({ count }) {
    await opened()
    let took = 0
    for (let made = 0; made < count; made += BATCH) {
      const batch = (await texts.take(Math.min(BATCH, count - made))).map((text) => Buffer.from(text))
      const began = seconds()
      await core.append(batch)
      took += seconds() - began
    }
    return { took_s: took }
  },

  async append ({ count }) {
    await opened()
    const blocks = (await texts.take(count)).map((text) => Buffer.from(text))
    const began = seconds()
    for (const block of blocks) await core.append(block)
    return { took_s: seconds() - began }
  },

  async serve () {
    const server = createServer((socket) => {
      const stream = core.replicate(false)
      socket.on('error', () => {})
      stream.on('error', () => {})
      socket.pipe(stream).pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return { address: `${server.address().port}/${core.key.toString('hex')}` }
  },

  async sync ({ address, total }) {
    const [port, key] = address.split('/')
    await opened(key)
    const began = seconds()
    const socket = connect(Number(port), '127.0.0.1')
    const stream = core.replicate(true)
    socket.on('error', () => {})
    stream.on('error', () => {})
    socket.pipe(stream).pipe(socket)
    while (core.length < total) await core.update({ wait: true })
    await core.download({ start: 0, end: total }).done()
    const took = seconds() - began
    const bytes = socket.bytesRead + socket.bytesWritten
    socket.destroy()
    return { took_s: took, bytes }
  }
})
