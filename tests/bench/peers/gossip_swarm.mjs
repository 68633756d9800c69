// Many js-libp2p nodes in one process, for the bench of gossip; orders as in ../gossip_swarm.py.
import { randomBytes } from 'node:crypto'
import { obey } from './orders.mjs'

const { createLibp2p } = await import('libp2p')
const { tcp } = await import('@libp2p/tcp')
const { noise } = await import('@libp2p/noise')
const { yamux } = await import('@libp2p/yamux')
const { identify } = await import('@libp2p/identify')
const { gossipsub } = await import('@libp2p/gossipsub')
const { multiaddr } = await import('@multiformats/multiaddr')

const TOPIC = '/jangteo/1/open'
const nodes = []
const taken = new Map()
const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, 1000 * seconds))
const now = () => Number(process.hrtime.bigint()) / 1e9

const arrived = ({ detail: { topic, data } }) => {
  if (topic !== TOPIC) return
  const message = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const run = Number(message.readBigUInt64BE(0))
  if (!taken.has(run)) taken.set(run, [])
  taken.get(run).push(Number(process.hrtime.bigint() - message.readBigUInt64BE(8)) / 1e6)
}

await obey({
  async start ({ nodes: count }) {
    while (nodes.length < count) {
      const node = await createLibp2p({
        addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
        transports: [tcp()],
        connectionEncrypters: [noise()],
        streamMuxers: [yamux()],
        connectionManager: { inboundConnectionThreshold: 1e6, maxIncomingPendingConnections: 1e4 },
        services: {
          identify: identify(),
          pubsub: gossipsub({
            allowPublishToZeroTopicPeers: true,
            emitSelf: false,
            // All of them are at one address here; its default would shun the eleventh.
            scoreParams: { IPColocationFactorWeight: 0 }
          })
        }
      })
      node.services.pubsub.addEventListener('message', arrived)
      node.services.pubsub.subscribe(TOPIC)
      nodes.push(node)
    }
    return { addresses: nodes.map((node) => node.getMultiaddrs()[0].toString()) }
  },

  async dial ({ pairs }) {
    for (const [number, address] of pairs) await nodes[number].dial(multiaddr(address))
  },

  async publish ({ run, start_s: start, plan, size_bytes: size }) {
    for (const [after, number] of plan) {
      const wait = start + after - now()
      if (wait > 0) await pause(wait)
      const message = randomBytes(size)
      message.writeBigUInt64BE(BigInt(run), 0)
      message.writeBigUInt64BE(process.hrtime.bigint(), 8)
      nodes[number].services.pubsub.publish(TOPIC, message).catch(() => {})
    }
  },

  async collect ({ run }) {
    const used = process.resourceUsage()
    return {
      taken_ms: taken.get(run) ?? [],
      cpu_s: (used.userCPUTime + used.systemCPUTime) / 1e6,
      peak_mib: used.maxRSS / 1024
    }
  }
})
