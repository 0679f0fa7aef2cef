import Foundation
import Imaging
import Testing
import Work

/// Reads a collection of odd, rare and broken TIFF files; what two other readers (tifffile and Pillow) made of them is the
/// reference.
@Suite(.enabled(if: FileManager.default.fileExists(atPath: OddFile.folder + "/manifest.json"), "needs ../shared"))
struct OddFilesTests {
    @Test func pixelsAgreeOrTheFeatureIsNamed() throws {
        var counts: [String: Int] = [:]
        var surprises: [String] = []
        for file in try OddFile.all() {
            let start = Date()
            let outcome = file.outcome()
            #expect(-start.timeIntervalSinceNow < 30, "\(file.name) took \(-start.timeIntervalSinceNow) s")
            let group =
                file.readersAgree ? "readers agree" : file.isReadable ? "readers differ or one fails" : "unreadable"
            counts["\(group): \(outcome.word)", default: 0] += 1
            if file.readersAgree, outcome != .agrees, outcome != .notSupported {
                surprises.append("\(file.name): \(outcome) \(file.oracle["shape"] ?? "")")
            }
            if case .failed(let message) = outcome, ProcessInfo.processInfo.environment["ODD_FILES"] != nil {
                print(group, message)
            }
            if case .differs = outcome, ProcessInfo.processInfo.environment["ODD_FILES"] != nil {
                print(group, file.name, outcome, file.oracle["photometric"] ?? "", file.oracle["shape"] ?? "")
            }
        }
        #expect(surprises.isEmpty)
        for (group, count) in counts.sorted(by: { $0.key < $1.key }) { print("\(count)\t\(group)") }
    }

    @Test func everyPageOfEveryFileEndsInPixelsOrAnError() throws {
        for file in try OddFile.all() {
            guard let reader = try? TIFFReader(file.path) else { continue }
            for page in 0..<min(reader.pageCount, 40) {
                guard let layout = try? reader.page(page) else { continue }
                let middle = Region(
                    column: layout.width / 3, row: layout.height / 3, width: max(1, layout.width / 3),
                    height: max(1, layout.height / 3))
                let part = try? reader.read(page: page, region: middle)
                guard layout.width * layout.height < 1 << 24, let whole = try? reader.read(page: page) else { continue }
                #expect(part != nil, "\(file.name), page \(page)")
                for channel in 0..<layout.channels where layout.pixelType != .float32 && layout.pixelType != .float64 {
                    #expect(part?.plane(channel) == whole.plane(channel).crop(middle), "\(file.name), page \(page)")
                }
            }
        }
    }
}

/// One file of the collection with what the reference readers said.
struct OddFile {
    enum Outcome: Equatable {
        case agrees, notSupported
        case differs(String)
        case failed(String)

        var word: String {
            switch self {
            case .agrees: "agrees"
            case .notSupported: "not supported"
            case .differs: "differs"
            case .failed: "error"
            }
        }
    }

    static let folder = sharedFolder + "/data/tiff_odd"
    let name: String
    let path: String
    let oracle: [String: Any]

    static func all() throws -> [OddFile] {
        let manifest = try JSONSerialization.jsonObject(with: readFile(folder + "/manifest.json")) as? [[String: Any]]
        return (manifest ?? []).compactMap { entry in
            guard let file = entry["file"] as? String, let oracle = entry["oracle"] as? [String: Any] else {
                return nil
            }
            let name = String(file.dropFirst("dev/".count))
            return OddFile(name: name, path: "\(folder)/\(name)", oracle: oracle)
        }
    }

    var hashes: [String] { ["tifffile_page0_sha256", "pillow_page0_sha256"].compactMap { oracle[$0] as? String } }
    var readersAgree: Bool { hashes.count == 2 && hashes[0] == hashes[1] }
    var isReadable: Bool { !hashes.isEmpty }

    /// Reads the first page and compares it with the references.
    func outcome() -> Outcome {
        do {
            let image = try TIFFReader(path).read()
            let planar = image.bytes()
            let interleaved = image.channels > 1 ? image.interleaved() : planar
            var own = Set([sha256(planar), sha256(interleaved)])
            // Pillow has 1-bit samples as 0 and 255, tifffile keeps floats of 16 bits.
            if oracle["bits"] as? Int == 1 { own.insert(sha256(planar.map { $0 &* 255 })) }
            if oracle["dtype"] as? String == "float16" { own.insert(sha256(image.halfFloats())) }
            let types = ["bool": "uint8", "float16": "float32", "uint64": "float64"]
            if let type = oracle["dtype"] as? String, image.pixelType.rawValue != types[type] ?? type,
                oracle["photometric"] as? String != "YCBCR"
            {
                return .differs("\(image.pixelType) instead of \(type)")
            }
            return own.isDisjoint(with: hashes)
                ? .differs("\(image.width)x\(image.height)x\(image.channels) \(image.pixelType)") : .agrees
        } catch let failure as Failure where failure.code == "not-supported" {
            #expect(failure.message.hasPrefix("not supported: "))
            return .notSupported
        } catch let failure as Failure {
            #expect(!failure.description.contains("\n"))
            return .failed(failure.description)
        } catch {
            return .failed("\(error)")
        }
    }
}
