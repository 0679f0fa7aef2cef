import Foundation
import Work

/// Asks one address whether a GigE Vision camera is there, by one packet to that address alone (GVCP discovery).
enum AravisDiscovery {
    /// Whether a text is an IPv4 address.
    static func isAddress(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    /// What the camera says of itself: manufacturer, model and serial number.
    /// - Throws: `Failure` with code `device-missing` where nothing answers within a second.
    static func ask(_ address: String, port: UInt16 = 3956) throws -> String {
        let missing = Failure(
            "no GigE Vision camera answers at \(address)", remedy: "check its power, its cable and its address",
            code: "device-missing")
        let file = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard file >= 0 else { throw missing }
        defer { close(file) }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &place.sin_addr) == 1 else { throw missing }
        let isConnected = withUnsafePointer(to: &place) { place in
            place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        guard isConnected else { throw missing }
        for number in UInt8(1)...3 {
            // Key, flags (an answer is wanted), discovery, no data, number of the request.
            let request: [UInt8] = [0x42, 0x01, 0x00, 0x02, 0x00, 0x00, 0x00, number]
            guard send(file, request, request.count, 0) == request.count else { throw missing }
            var wait = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 330) == 1 else { continue }
            var answer = [UInt8](repeating: 0, count: 600)
            let count = recv(file, &answer, answer.count, 0)
            // Status 0, an answer to discovery, with the first 248 bytes of the camera's registers.
            guard count >= 8 + 248, answer[0...3].elementsEqual([0, 0, 0, 3]) else { continue }
            return [0x48, 0x68, 0xd8].map { offset in
                let field = answer[(8 + offset)..<min(8 + offset + (offset == 0xd8 ? 16 : 32), count)]
                return String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
            }.filter { !$0.isEmpty }.joined(separator: " ")
        }
        throw missing
    }
}
