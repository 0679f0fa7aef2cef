/// The start tags of an XML text with their attributes, in order. A broken text yields the tags before the damage.
struct XMLTags: Sequence, IteratorProtocol {
    /// One start tag; the name comes without its namespace prefix.
    struct Tag {
        var name: Substring
        var attributes: [Substring: String] = [:]
    }

    private var rest: Substring.UTF8View

    init(_ text: String) { rest = Substring(text).utf8 }

    mutating func next() -> Tag? {
        while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
            rest = rest[rest.index(after: open)...]
            if starts(with: "!--") {
                skip(past: "-->")
            } else if starts(with: "![CDATA[") {
                skip(past: "]]>")
            } else if let first = rest.first, first != UInt8(ascii: "/"), first != UInt8(ascii: "?"),
                first != UInt8(ascii: "!")
            {
                return tag()
            }
        }
        return nil
    }

    private mutating func tag() -> Tag? {
        let name = word()
        var tag = Tag(name: name.split(separator: ":").last ?? name)
        while true {
            while let byte = rest.first, byte <= 32 || byte == UInt8(ascii: "/") { rest = rest.dropFirst() }
            guard let byte = rest.first else { return nil }
            if byte == UInt8(ascii: ">") {
                rest = rest.dropFirst()
                return tag
            }
            let key = word()
            while let byte = rest.first, byte <= 32 || byte == UInt8(ascii: "=") { rest = rest.dropFirst() }
            guard let quote = rest.first, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return tag }
            rest = rest.dropFirst()
            guard let end = rest.firstIndex(of: quote) else { return nil }
            tag.attributes[key] = XMLTags.unescaped(String(Substring(rest[..<end])))
            rest = rest[rest.index(after: end)...]
        }
    }

    private mutating func word() -> Substring {
        let ends: Set<UInt8> = [32, 9, 10, 13, UInt8(ascii: "="), UInt8(ascii: ">"), UInt8(ascii: "/")]
        let word = rest.prefix { !ends.contains($0) }
        rest = rest[word.endIndex...]
        return Substring(word)
    }

    private func starts(with text: String) -> Bool { rest.starts(with: text.utf8) }

    private mutating func skip(past text: String) {
        while !rest.isEmpty && !starts(with: text) { rest = rest.dropFirst() }
        rest = rest.dropFirst(text.utf8.count)
    }

    fileprivate static func unescaped(_ text: String) -> String {
        guard text.contains("&") else { return text }
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstIndex(of: "&") {
            result += rest[..<start]
            guard let end = rest[start...].firstIndex(of: ";") else { break }
            let entity = rest[rest.index(after: start)..<end]
            switch entity {
            case "lt": result += "<"
            case "gt": result += ">"
            case "amp": result += "&"
            case "quot": result += "\""
            case "apos": result += "'"
            default:
                let digits = entity.dropFirst()
                let code = digits.first == "x" ? UInt32(digits.dropFirst(), radix: 16) : UInt32(digits)
                if entity.first == "#", let scalar = code.flatMap(Unicode.Scalar.init) {
                    result.unicodeScalars.append(scalar)
                }
            }
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}

/// Text with its entities read.
func xmlUnescaped(_ text: String) -> String { XMLTags.unescaped(text) }

/// Text with the characters escaped that mean something in XML.
func xmlEscaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "&": result += "&amp;"
        case "\"": result += "&quot;"
        case "\n", "\t": result.unicodeScalars.append(scalar)
        default: if scalar.value >= 32 { result.unicodeScalars.append(scalar) }
        }
    }
    return result
}
