// What every driver of a peer shares: orders as JSON lines on stdin, answers on stdout, texts from a
// file of one JSON string a line. Knows no peer.
import { createInterface } from 'node:readline'
import { createReadStream } from 'node:fs'

// Promise.withResolvers is used by js-libp2p 3, and Node 20 does not have it.
Promise.withResolvers ??= function () {
  let resolve, reject
  const promise = new Promise((yes, no) => { resolve = yes; reject = no })
  return { promise, resolve, reject }
}

export const seconds = () => Number(process.hrtime.bigint()) / 1e9
const unfinished = process.stdout.write.bind(process.stdout)
// Libraries that print must not mix with the answers.
process.stdout.write = (data, ...rest) => process.stderr.write(data, ...rest)

export function usage () {
  const used = process.resourceUsage()
  return {
    cpu_s: (used.userCPUTime + used.systemCPUTime) / 1e6,
    peak_mib: used.maxRSS / 1024
  }
}

export class Texts {
  constructor (path) {
    this.lines = createInterface({ input: createReadStream(path) })[Symbol.asyncIterator]()
  }

  async take (count) {
    const found = []
    while (found.length < count) {
      const { value, done } = await this.lines.next()
      if (done) break
      found.push(JSON.parse(value))
    }
    return found
  }
}

// Carries out orders until stdin ends. `peer` has a method for each.
export async function obey (peer) {
  peer.usage ??= usage
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...told } = JSON.parse(line)
    let answer
    try {
      answer = await peer[name](told)
    } catch (error) {
      answer = { error: String(error?.stack ?? error) }
    }
    unfinished(JSON.stringify(answer ?? {}) + '\n')
  }
  process.exit(0)
}
