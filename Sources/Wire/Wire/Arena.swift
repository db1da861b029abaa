internal import CProtobufC
internal import Glibc

/// Memory for one message: grows in chunks up to a quota, freed all at once. Not thread-safe.
///
/// protobuf-c allocates out of it, so that a hostile message ends as "does not parse" instead of as a lot of memory.
final class Arena {
    private let quota: Int
    private var used = 0
    private let wipes: Bool
    private var chunks: [UnsafeMutableRawBufferPointer] = []
    private var free: UnsafeMutableRawBufferPointer = .init(start: nil, count: 0)
    // SAFETY: points into memory that this object owns and that `deinit` frees; never handed out beyond `unpack`.
    private let allocator: UnsafeMutablePointer<ProtobufCAllocator>

    /// - Parameters:
    ///   - quota: bytes; an allocation past it fails.
    ///   - wipes: whether the memory is overwritten before it is freed.
    init(quota: Int = MemoryQuota.request, wipes: Bool = false) {
        self.quota = quota
        self.wipes = wipes
        allocator = .allocate(capacity: 1)
        allocator.initialize(to: ProtobufCAllocator())
        // SAFETY: unretained, because the allocator is used only while a method of this object runs.
        allocator.pointee.allocator_data = Unmanaged.passUnretained(self).toOpaque()
        allocator.pointee.alloc = { data, size in
            guard let data else { return nil }
            // SAFETY: see above.
            return Unmanaged<Arena>.fromOpaque(data).takeUnretainedValue().allocate(size)
        }
        allocator.pointee.free = { _, _ in }
    }

    deinit {
        for chunk in chunks {
            if wipes, let start = chunk.baseAddress { explicit_bzero(start, chunk.count) }
            chunk.deallocate()
        }
        allocator.deallocate()
    }

    /// Bytes aligned to 16, or `nil` past the quota.
    func allocate(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size >= 0, size <= quota else { return nil }
        let rounded = max((size + 15) & ~15, 16)
        guard used + rounded <= quota else { return nil }
        used += rounded
        if free.count < rounded {
            // Most messages fit into the first one, and the allocator has small blocks at hand.
            let count = max(chunks.isEmpty ? 1008 : 4096, rounded)
            free = .allocate(byteCount: count, alignment: 16)
            chunks.append(free)
        }
        let start = free.baseAddress
        free = .init(rebasing: free.dropFirst(rounded))
        return start
    }

    /// Parses `bytes` with protobuf-c; `nil` if they do not parse or are over the quota.
    func unpack(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>
    ) -> UnsafeMutableRawPointer? {
        var none: UInt8 = 0
        return withUnsafePointer(to: &none) { empty in
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? empty
            return UnsafeMutableRawPointer(protobuf_c_message_unpack(descriptor, allocator, bytes.count, start))
        }
    }
}

/// The memory that one message may take while it is read, bytes. Messages of small parts take many times their own length.
package enum MemoryQuota {
    /// What anybody sends.
    package static let request = 2 << 20
    /// What the daemon answers, and what it has written into an archive.
    package static let answer = 64 << 20
}

/// Builds one outgoing message. What is allocated lives until the message is packed. Not thread-safe.
package final class Builder {
    // What goes out was made by us, so its size is bounded by the frame limit and not by a quota.
    private let arena = Arena(quota: MemoryQuota.answer)

    private func memory<T>(_ type: T.Type, _ count: Int) -> UnsafeMutablePointer<T> {
        guard let raw = arena.allocate(MemoryLayout<T>.stride * max(count, 1)) else {
            preconditionFailure("BUG: an outgoing message is over 64 MiB")
        }
        return raw.bindMemory(to: type, capacity: count)
    }

    /// A C string.
    func string(_ text: String) -> UnsafeMutablePointer<CChar> {
        let utf8 = text.utf8CString
        let copy = memory(CChar.self, utf8.count)
        utf8.withUnsafeBufferPointer { if let base = $0.baseAddress { copy.update(from: base, count: utf8.count) } }
        return copy
    }

    /// A list of C strings.
    func strings(_ list: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let copy = memory(UnsafeMutablePointer<CChar>?.self, list.count)
        for (index, text) in list.enumerated() { copy[index] = string(text) }
        return copy
    }

    /// A bytes field.
    func bytes(_ bytes: [UInt8]) -> ProtobufCBinaryData {
        let copy = memory(UInt8.self, bytes.count)
        bytes.withUnsafeBufferPointer { if let base = $0.baseAddress { copy.update(from: base, count: bytes.count) } }
        return ProtobufCBinaryData(len: bytes.count, data: copy)
    }

    /// A list of numbers, or of bytes fields.
    func values<T: BitwiseCopyable>(_ list: [T]) -> UnsafeMutablePointer<T> {
        let copy = memory(T.self, list.count)
        for (index, value) in list.enumerated() { copy[index] = value }
        return copy
    }

    /// A sub-message.
    func message<M: WireMessage>(_ message: M) -> UnsafeMutablePointer<M.Raw> {
        let raw = memory(M.Raw.self, 1)
        M.initialize(raw)
        message.write(to: &raw.pointee, self)
        return raw
    }

    /// A list of sub-messages.
    func messages<M: WireMessage>(_ list: [M]) -> UnsafeMutablePointer<UnsafeMutablePointer<M.Raw>?> {
        let copy = memory(UnsafeMutablePointer<M.Raw>?.self, list.count)
        for (index, element) in list.enumerated() { copy[index] = message(element) }
        return copy
    }
}
