// A foreign peer: js-libp2p as its documentation sets it up, driven by lines on stdin.
//
//   in:  {"do":"dial","address":"/ip4/…/p2p/…"}   {"do":"publish","data":"<hex>"}   {"do":"stop"}
//   out: {"event":"ready","peer","addresses"}  {"event":"found","peer"}  {"event":"connected","peer"}
//        {"event":"subscribed","peer","topic"}  {"event":"message","from","data":"<hex>"}
//        {"event":"published","recipients":N}  {"event":"error","message"}
//
//   node peer.mjs TOPIC LISTEN_MULTIADDR [--mdns]
import { createInterface } from 'node:readline'

// js-libp2p 3 uses Promise.withResolvers, which Node 20 does not have.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
}

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@libp2p/noise')
const { yamux } = await import('@libp2p/yamux')
const { identify } = await import('@libp2p/identify')
const { ping } = await import('@libp2p/ping')
const { gossipsub } = await import('@libp2p/gossipsub')
const { mdns } = await import('@libp2p/mdns')
const { multiaddr } = await import('@multiformats/multiaddr')

const [topic, listen, ...flags] = process.argv.slice(2)
const say = (line) => process.stdout.write(JSON.stringify(line) + '\n')

const node = await createLibp2p({
  addresses: { listen: [listen] },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  peerDiscovery: flags.includes('--mdns') ? [mdns({ interval: 2000 })] : [],
  services: {
    identify: identify(),
    ping: ping(),
    pubsub: gossipsub({ allowPublishToZeroTopicPeers: true, floodPublish: true })
  }
})

node.addEventListener('peer:discovery', (found) => {
  say({ event: 'found', peer: found.detail.id.toString() })
})
node.addEventListener('peer:connect', (up) => say({ event: 'connected', peer: up.detail.toString() }))
node.services.pubsub.addEventListener('subscription-change', (change) => {
  for (const subscription of change.detail.subscriptions) {
    if (subscription.subscribe) {
      say({ event: 'subscribed', peer: change.detail.peerId.toString(), topic: subscription.topic })
    }
  }
})
node.services.pubsub.addEventListener('message', (message) => {
  if (message.detail.topic === topic) {
    say({
      event: 'message',
      from: message.detail.from?.toString() ?? null,
      data: Buffer.from(message.detail.data).toString('hex')
    })
  }
})
node.services.pubsub.subscribe(topic)
say({
  event: 'ready',
  peer: node.peerId.toString(),
  addresses: node.getMultiaddrs().map((address) => address.toString())
})

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line)
  try {
    if (order.do === 'dial') {
      await node.dial(multiaddr(order.address), { signal: AbortSignal.timeout(10000) })
      say({ event: 'dialled', address: order.address })
    } else if (order.do === 'publish') {
      const sent = await node.services.pubsub.publish(topic, Buffer.from(order.data, 'hex'))
      say({ event: 'published', recipients: sent.recipients.length })
    } else if (order.do === 'stop') {
      break
    }
  } catch (error) {
    say({ event: 'error', message: String(error?.message ?? error) })
  }
}
await node.stop()
process.exit(0)
