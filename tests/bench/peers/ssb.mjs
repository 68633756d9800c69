// Secure Scuttlebutt (ssb-db2 with ssb-ebt) at the benches' work: one feed, its author or a reader.
//   node ssb.mjs FOLDER TEXTS
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { obey, seconds, Texts } from './orders.mjs'

const require = createRequire(import.meta.url)
const SecretStack = require('secret-stack')
const ssbKeys = require('ssb-keys')
const [folder, path] = process.argv.slice(2)
const texts = new Texts(path)
const PARALLEL = 1000
// Anyone who knows the network's key may connect; this one is the bench's own.
const caps = { shs: Buffer.alloc(32, 7).toString('base64') }

const sbot = SecretStack({ caps })
  .use(require('ssb-db2/core'))
  .use(require('ssb-classic'))
  .use(require('ssb-db2/compat/ebt'))
  .use(require('ssb-db2/compat/feedstate'))
  .use(require('ssb-ebt'))
  .call(null, {
    path: folder,
    keys: ssbKeys.loadOrCreateSync(folder + '/secret'),
    timers: { inactivity: -1, handshake: 30000 },
    ebt: { logging: false },
    connections: {
      incoming: { net: [{ scope: 'private', transform: 'shs', port: 0, host: '127.0.0.1' }] },
      outgoing: { net: [{ transform: 'shs' }] }
    }
  })

const create = promisify(sbot.db.create)
const message = (text) => create({
  keys: sbot.config.keys, content: { type: 'post', text }, feedFormat: 'classic'
})
const onDrain = () => new Promise((resolve) => sbot.db.onDrain(resolve))
const sequence = (id) => sbot.getFeedState
  ? new Promise((resolve) => sbot.getFeedState(id, (_, state) => resolve(state?.sequence ?? 0)))
  : Promise.resolve(0)

sbot.ebt.request(sbot.id, true)

await obey({
  async fill ({ count }) {
    let took = 0
    for (let made = 0; made < count; made += PARALLEL) {
      const batch = await texts.take(Math.min(PARALLEL, count - made))
      const began = seconds()
      await Promise.all(batch.map(message))
      took += seconds() - began
    }
    const began = seconds()
    await onDrain()
    return { took_s: took + seconds() - began }
  },

  async append ({ count }) {
    const batch = await texts.take(count)
    const began = seconds()
    for (const text of batch) await message(text)
    return { took_s: seconds() - began }
  },

  async serve () {
    return { address: `${sbot.getAddress('private')} ${sbot.id}` }
  },

  async sync ({ address, total }) {
    const [where, feed] = address.split(' ')
    sbot.ebt.request(feed, true)
    const began = seconds()
    const peer = await promisify(sbot.connect)(where)
    while (await sequence(feed) < total) await new Promise((resolve) => setTimeout(resolve, 5))
    await onDrain()
    const took = seconds() - began
    await promisify(peer.close)(true).catch(() => {})
    return { took_s: took }
  }
})
