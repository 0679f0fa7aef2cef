import Foundation

/// The lines `name = value` or `name: value` at the left edge of a text, names in small letters; the first of a name
/// counts. This is what is needed of `.inf` files and of YAML, whose nested entries are passed over; documents of a
/// YAML file are taken together.
func plainFields(_ text: String, separator: Character) -> [String: String] {
    var fields: [String: String] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
        guard let first = line.first, first != " ", first != "-", first != "#", let at = line.firstIndex(of: separator)
        else { continue }
        let name = line[..<at].trimmingCharacters(in: .whitespaces).lowercased()
        let value = line[line.index(after: at)...].trimmingCharacters(in: CharacterSet(charactersIn: " \t'\""))
        if fields[name] == nil { fields[name] = value }
    }
    return fields
}
