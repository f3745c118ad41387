// The messages of the vendors' protocols that the edge must understand.

import protobuf from 'protobufjs'

/** Reads and writes the messages of a proto3 schema. Numbers of 64 bits are read as numbers, which is enough here. */
export function messages(schema) {
    const { root } = protobuf.parse(`syntax = "proto3"; ${schema}`, { keepCase: true })
    const type = name => root.lookupType(name)
    return {
        read: (name, bytes) => type(name).toObject(type(name).decode(bytes), { longs: String, bytes: Buffer, defaults: true }),
        write: (name, fields) => Buffer.from(type(name).encode(type(name).fromObject(fields)).finish()),
    }
}
