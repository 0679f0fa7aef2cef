import CHDF5
import Foundation

/// A file open in the HDF5 library, for the process that does nothing but read it: the library may crash on it.
struct HDF5Library {
    /// Why something cannot be read.
    struct Problem: Error { let text: String }

    /// The numbers that are read at once, at least.
    private static let block = 1 << 17
    /// The most that a packed byte may stand for; deflate reaches 1032.
    private static let largestExpansion = 1100

    private let file: hid_t
    /// The bytes of the file.
    private let length: Int

    init(_ path: String, length: Int) throws {
        chdf5_silence()
        file = chdf5_open_to_read(path)
        self.length = length
        guard file >= 0 else { throw Problem(text: "it is no HDF5 file or is cut off") }
    }

    private init(file: hid_t, length: Int) {
        self.file = file
        self.length = length
    }

    /// A group as a file of its own, whose paths are relative to `.`; nil where there is no such group.
    func within<Result>(_ group: String, _ body: (HDF5Library) throws -> Result) rethrows -> Result? {
        let id = H5Gopen2(file, group, 0)
        guard id >= 0 else { return nil }
        defer { H5Gclose(id) }
        return try body(HDF5Library(file: id, length: length))
    }

    /// The names in a group; nil where there is no such group.
    func names(in group: String) -> [String]? {
        let id = H5Gopen2(file, group, 0)
        guard id >= 0 else { return nil }
        defer { H5Gclose(id) }
        let list = NameList()
        let visit: H5L_iterate_t = { _, name, _, list in
            guard let name, let list else { return -1 }
            Unmanaged<NameList>.fromOpaque(list).takeUnretainedValue().names.append(String(cString: name))
            return 0
        }
        H5Literate(id, H5_INDEX_NAME, H5_ITER_INC, nil, visit, Unmanaged.passUnretained(list).toOpaque())
        return list.names
    }

    /// The names of what is attached to an object.
    func attributeNames(of object: String) -> [String] {
        let list = NameList()
        let visit: H5A_operator2_t = { _, name, _, list in
            guard let name, let list else { return -1 }
            Unmanaged<NameList>.fromOpaque(list).takeUnretainedValue().names.append(String(cString: name))
            return 0
        }
        H5Aiterate_by_name(
            file, object, H5_INDEX_NAME, H5_ITER_INC, nil, visit, Unmanaged.passUnretained(list).toOpaque(), 0)
        return list.names
    }

    private final class NameList { var names: [String] = [] }

    /// The lengths along each axis of a dataset; empty for a single value, nil for one without values.
    func shape(_ dataset: String) throws -> [Int]? {
        try withDataset(dataset) { id in
            let space = H5Dget_space(id)
            defer { H5Sclose(space) }
            return H5Sget_simple_extent_type(space) == H5S_NULL ? nil : Self.lengths(of: space)
        }
    }

    /// All numbers of a dataset as doubles, the last axis fastest, in pieces.
    func numbers(_ dataset: String, _ take: ([Double]) throws -> Void) throws {
        try withDataset(dataset) { id in try read(id, dataset, type: chdf5_native_double(), take) }
    }

    /// The names of the fields of a dataset of records; empty for plain numbers.
    func fields(_ dataset: String) throws -> [String] {
        try withDataset(dataset) { id in
            let type = H5Dget_type(id)
            defer { H5Tclose(type) }
            guard H5Tget_class(type) == H5T_COMPOUND else { return [] }
            return (0..<UInt32(clamping: H5Tget_nmembers(type))).compactMap { index in
                guard let name = H5Tget_member_name(type, index) else { return nil }
                defer { H5free_memory(name) }
                return String(cString: name)
            }
        }
    }

    /// One field of a dataset of records as doubles, in pieces; the library picks it out of the records.
    func field(_ name: String, of dataset: String, _ take: ([Double]) throws -> Void) throws {
        try withDataset(dataset) { id in
            let type = H5Tcreate(H5T_COMPOUND, 8)
            defer { H5Tclose(type) }
            H5Tinsert(type, name, 0, chdf5_native_double())
            try read(id, "\(dataset), \(name)", type: type, take)
        }
    }

    /// The text in a dataset that holds one text; nil where there is none.
    func text(_ dataset: String) -> String? {
        try? withDataset(dataset) { id in
            let stored = H5Dget_type(id)
            defer { H5Tclose(stored) }
            guard H5Tget_class(stored) == H5T_STRING, H5Tis_variable_str(stored) > 0 else { return nil }
            let space = H5Dget_space(id)
            defer { H5Sclose(space) }
            guard H5Sget_simple_extent_npoints(space) == 1 else { return nil }
            let type = H5Tcopy(chdf5_c_string())
            defer { H5Tclose(type) }
            H5Tset_size(type, -1)
            H5Tset_cset(type, H5Tget_cset(stored))
            var pointer: UnsafeMutablePointer<CChar>?
            guard H5Dread(id, type, 0, 0, 0, &pointer) >= 0, let pointer else { return nil }
            defer { H5free_memory(pointer) }
            return String(cString: pointer)
        }
    }

    /// The numbers that are attached under a name; nil where there is nothing of that name.
    func attributes(_ name: String, of object: String) -> [Double]? {
        withAttribute(name, of: object) { id, type in
            guard [H5T_INTEGER, H5T_FLOAT].contains(H5Tget_class(type)) else { return nil }
            let space = H5Aget_space(id)
            defer { H5Sclose(space) }
            let count = H5Sget_simple_extent_npoints(space)
            guard count >= 1, count < 1 << 20 else { return nil }
            var values = [Double](repeating: 0, count: Int(count))
            return H5Aread(id, chdf5_native_double(), &values) >= 0 ? values : nil
        }
    }

    /// The text that is attached under a name; nil where there is none.
    func text(attribute name: String, of object: String) -> String? {
        withAttribute(name, of: object) { id, type in
            guard H5Tget_class(type) == H5T_STRING else { return nil }
            if H5Tis_variable_str(type) > 0 {
                var pointer: UnsafeMutablePointer<CChar>?
                guard H5Aread(id, type, &pointer) >= 0, let pointer else { return nil }
                defer { H5free_memory(pointer) }
                return String(cString: pointer)
            }
            let space = H5Aget_space(id)
            defer { H5Sclose(space) }
            let (size, count) = (H5Tget_size(type), H5Sget_simple_extent_npoints(space))
            guard size > 0, size <= 1 << 20, count >= 1, count <= 1 << 10 else { return nil }
            var bytes = [UInt8](repeating: 0, count: size * Int(count))
            guard H5Aread(id, type, &bytes) >= 0 else { return nil }
            return String(decoding: bytes.prefix(size).prefix { $0 != 0 }, as: UTF8.self)
        }
    }

    private func withAttribute<Result>(
        _ name: String, of object: String, _ body: (_ id: hid_t, _ type: hid_t) -> Result?
    ) -> Result? {
        guard H5Aexists_by_name(file, object, name, 0) > 0 else { return nil }
        let id = H5Aopen_by_name(file, object, name, 0, 0)
        guard id >= 0 else { return nil }
        defer { H5Aclose(id) }
        let type = H5Aget_type(id)
        defer { H5Tclose(type) }
        return body(id, type)
    }

    private func withDataset<Result>(_ dataset: String, _ body: (hid_t) throws -> Result) throws -> Result {
        let id = chdf5_open_dataset(file, dataset)
        guard id >= 0 else { throw Problem(text: "it has no dataset \(dataset)") }
        defer { H5Dclose(id) }
        return try body(id)
    }

    private static func lengths(of space: hid_t) -> [Int] {
        let rank = Int(max(0, H5Sget_simple_extent_ndims(space)))
        var lengths = [hsize_t](repeating: 0, count: max(1, rank))
        H5Sget_simple_extent_dims(space, &lengths, nil)
        return lengths.prefix(rank).map { Int(clamping: $0) }
    }

    /// Reads a dataset in pieces of rows along its first axis that is longer than 1.
    private func read(_ id: hid_t, _ name: String, type: hid_t, _ take: ([Double]) throws -> Void) throws {
        let space = H5Dget_space(id)
        defer { H5Sclose(space) }
        guard H5Sget_simple_extent_type(space) != H5S_NULL else { return }
        let count = H5Sget_simple_extent_npoints(space)
        guard count >= 0 else { throw Problem(text: "\(name) has no length") }
        guard count > 0 else { return }
        try checkDeclared(Int(count), id, name)
        let lengths = Self.lengths(of: space)
        let axis = lengths.firstIndex { $0 > 1 } ?? 0
        let rows = lengths.isEmpty ? 1 : lengths[axis]
        let rowLength = Int(count) / max(1, rows)
        let step = max(1, Self.block / max(1, rowLength), axis == 0 ? Int(clamping: chdf5_chunk_rows(id)) : 1)
        for start in stride(from: 0, to: rows, by: min(step, rows)) {
            let taken = min(step, rows - start)
            var values = [Double](repeating: 0, count: taken * rowLength)
            if taken == rows {
                guard H5Dread(id, type, 0, 0, 0, &values) >= 0 else { throw Problem(text: "cannot read \(name)") }
                return try take(values)
            }
            var origin = [hsize_t](repeating: 0, count: lengths.count)
            var extent = lengths.map { hsize_t($0) }
            origin[axis] = hsize_t(start)
            extent[axis] = hsize_t(taken)
            var memory = hsize_t(values.count)
            let target = H5Screate_simple(1, &memory, nil)
            defer { H5Sclose(target) }
            guard H5Sselect_hyperslab(space, H5S_SELECT_SET, origin, nil, extent, nil) >= 0,
                H5Dread(id, type, target, space, 0, &values) >= 0
            else { throw Problem(text: "cannot read \(name)") }
            try take(values)
        }
    }

    /// Refuses what the file cannot hold: a few bytes may declare any length.
    private func checkDeclared(_ count: Int, _ id: hid_t, _ name: String) throws {
        let stored = H5Dget_type(id)
        defer { H5Tclose(stored) }
        let bytes = count.multipliedReportingOverflow(by: max(1, H5Tget_size(stored)))
        let most = max(64 << 20, length.multipliedReportingOverflow(by: Self.largestExpansion).partialValue)
        guard !bytes.overflow, bytes.partialValue <= most else {
            throw Problem(text: "\(name) declares \(count) values, which a file of \(length) bytes cannot hold")
        }
        guard count <= HDF5Reader.memoryLimit / 8 else {
            throw Problem(text: "\(name) has \(count) values, more than half of the memory holds")
        }
        guard H5Dget_storage_size(id) > 0 else {
            throw Problem(text: "\(name) declares \(count) values, and none were written")
        }
    }
}
