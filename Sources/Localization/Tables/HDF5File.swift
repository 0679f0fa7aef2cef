import CHDF5
import Foundation
import Synchronization
import Work

/// The library keeps one state for the whole process: one file is worked on at a time.
private let turn = Mutex<Void>(())

/// An open HDF5 file. Paths inside it are written `/group/dataset`.
struct HDF5File {
    /// The file.
    let path: String
    private let file: hid_t

    /// Opens a file for reading, hands it to `body` and closes it.
    /// - Throws: a `Failure` for a file that is missing, cut off or not HDF5.
    static func reading<Result>(_ path: String, _ body: (HDF5File) throws -> Result) throws -> Result {
        guard FileManager.default.fileExists(atPath: path) else {
            throw Failure("\(path) does not exist", remedy: "check the path", code: "file-missing")
        }
        return try turn.withLock { _ in
            chdf5_silence()
            let file = chdf5_open_to_read(path)
            guard file >= 0 else {
                throw Failure(
                    "cannot read \(path): it is no HDF5 file or is cut off", remedy: "copy it again", code: "hdf5")
            }
            defer { H5Fclose(file) }
            return try body(HDF5File(path: path, file: file))
        }
    }

    /// Makes a file, which appears under its name when `body` has filled it.
    static func writing(_ path: String, _ body: (HDF5File) throws -> Void) throws {
        try writeWhole(to: path) { temporary in
            try turn.withLock { _ in
                chdf5_silence()
                let file = chdf5_create(temporary)
                guard file >= 0 else {
                    throw Failure(
                        "cannot write \(path)", remedy: "check that the folder is yours", code: "file-unwritable")
                }
                var isOpen = true
                defer { if isOpen { H5Fclose(file) } }
                try body(HDF5File(path: path, file: file))
                isOpen = false
                guard H5Fclose(file) >= 0 else {
                    throw Failure("cannot write \(path)", remedy: "check the space", code: "file-unwritable")
                }
            }
        }
    }

    // MARK: - Reading

    /// The names in a group.
    func names(in group: String = "/") -> [String] {
        let id = H5Gopen2(file, group, 0)
        guard id >= 0 else { return [] }
        defer { H5Gclose(id) }
        var information = H5G_info_t()
        guard H5Gget_info(id, &information) >= 0 else { return [] }
        return (0..<information.nlinks).compactMap { index in
            let length = H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, index, nil, 0, 0)
            guard length > 0 else { return nil }
            var name = [CChar](repeating: 0, count: length + 1)
            H5Lget_name_by_idx(id, ".", H5_INDEX_NAME, H5_ITER_NATIVE, index, &name, length + 1, 0)
            return String(decoding: name.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    /// Whether there is something of this name in a group.
    func contains(_ name: String, in group: String = "/") -> Bool {
        let id = H5Gopen2(file, group, 0)
        guard id >= 0 else { return false }
        defer { H5Gclose(id) }
        return H5Lexists(id, name, 0) > 0
    }

    /// The lengths along each axis of a dataset; empty for a single value, nil for one without values.
    func shape(_ dataset: String) throws -> [Int]? {
        try withDataset(dataset) { id in
            let space = H5Dget_space(id)
            defer { H5Sclose(space) }
            guard H5Sget_simple_extent_type(space) != H5S_NULL else { return nil }
            let rank = H5Sget_simple_extent_ndims(space)
            var lengths = [hsize_t](repeating: 0, count: max(1, Int(rank)))
            H5Sget_simple_extent_dims(space, &lengths, nil)
            return lengths.prefix(Int(max(0, rank))).map { Int(clamping: $0) }
        }
    }

    /// All numbers of a dataset as doubles, the last axis fastest.
    func numbers(_ dataset: String) throws -> [Double] {
        try withDataset(dataset) { id in
            try read(id, dataset, type: chdf5_native_double())
        }
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

    /// One field of a dataset of records as doubles; the library picks it out of the records.
    func field(_ name: String, of dataset: String) throws -> [Double] {
        try withDataset(dataset) { id in
            let type = H5Tcreate(H5T_COMPOUND, 8)
            defer { H5Tclose(type) }
            H5Tinsert(type, name, 0, chdf5_native_double())
            return try read(id, "\(dataset), \(name)", type: type)
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

    /// A number that is attached to the file or to a group; nil where there is none.
    func attribute(_ name: String, of object: String = "/") -> Double? { attributes(name, of: object).first }

    /// The numbers that are attached under a name; none where there is nothing of that name.
    func attributes(_ name: String, of object: String = "/") -> [Double] {
        withAttribute(name, of: object) { id, type in
            guard [H5T_INTEGER, H5T_FLOAT].contains(H5Tget_class(type)) else { return nil }
            let space = H5Aget_space(id)
            defer { H5Sclose(space) }
            let count = H5Sget_simple_extent_npoints(space)
            guard count >= 1, count < 1 << 20 else { return nil }
            var values = [Double](repeating: 0, count: Int(count))
            return H5Aread(id, chdf5_native_double(), &values) >= 0 ? values : nil
        } ?? []
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
            var bytes = [UInt8](repeating: 0, count: H5Tget_size(type))
            guard H5Aread(id, type, &bytes) >= 0 else { return nil }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
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
        let id = H5Dopen2(file, dataset, 0)
        guard id >= 0 else { throw Failure("\(path) has no dataset \(dataset)", code: "hdf5") }
        defer { H5Dclose(id) }
        return try body(id)
    }

    private func read(_ id: hid_t, _ name: String, type: hid_t) throws -> [Double] {
        let space = H5Dget_space(id)
        defer { H5Sclose(space) }
        guard H5Sget_simple_extent_type(space) != H5S_NULL else { return [] }
        let count = H5Sget_simple_extent_npoints(space)
        guard count >= 0, count < 1 << 40 else { throw Failure("\(path): \(name) has no length", code: "hdf5") }
        var values = [Double](repeating: 0, count: Int(count))
        guard count == 0 || H5Dread(id, type, 0, 0, 0, &values) >= 0 else {
            throw Failure("\(path): cannot read \(name)", remedy: "the file may be damaged", code: "hdf5")
        }
        return values
    }
}

// MARK: - Writing

extension HDF5File {
    /// How numbers are stored.
    enum Storage {
        case float32, float64, int32, uint32, int64

        fileprivate var type: hid_t {
            switch self {
            case .float32: chdf5_native_float()
            case .float64: chdf5_native_double()
            case .int32: chdf5_native_int32()
            case .uint32: chdf5_native_uint32()
            case .int64: chdf5_native_int64()
            }
        }
        fileprivate var bytes: Int {
            switch self {
            case .float32, .int32, .uint32: 4
            case .float64, .int64: 8
            }
        }
        fileprivate func store(_ value: Double, at place: UnsafeMutableRawPointer) {
            switch self {
            case .float32: place.storeBytes(of: Float(value), as: Float.self)
            case .float64: place.storeBytes(of: value, as: Double.self)
            case .int32: place.storeBytes(of: Int32(clamping: whole(value)), as: Int32.self)
            case .uint32: place.storeBytes(of: UInt32(clamping: whole(value)), as: UInt32.self)
            case .int64: place.storeBytes(of: Int64(whole(value)), as: Int64.self)
            }
        }
        private func whole(_ value: Double) -> Int { abs(value) < 9e18 ? Int(value.rounded()) : 0 }
    }

    /// Makes a group.
    func makeGroup(_ group: String) throws {
        let id = H5Gcreate2(file, group, 0, 0, 0)
        guard id >= 0 else { throw failure(group) }
        H5Gclose(id)
    }

    /// Writes a list of numbers.
    func write(_ values: [Double], to dataset: String, as storage: Storage) throws {
        let space = simpleSpace(values.count)
        let id = H5Dcreate2(file, dataset, storage.type, space, 0, 0, 0)
        defer { H5Sclose(space) }
        guard id >= 0 else { throw failure(dataset) }
        defer { H5Dclose(id) }
        guard values.isEmpty || H5Dwrite(id, chdf5_native_double(), 0, 0, 0, values) >= 0 else {
            throw failure(dataset)
        }
    }

    /// Writes records, one for each element of the fields.
    func writeRecords(_ fields: [(name: String, values: [Double], storage: Storage)], to dataset: String) throws {
        let size = fields.reduce(0) { $0 + $1.storage.bytes }
        let type = H5Tcreate(H5T_COMPOUND, size)
        defer { H5Tclose(type) }
        var offsets: [Int] = []
        for field in fields {
            offsets.append((offsets.last ?? 0) + (offsets.isEmpty ? 0 : fields[offsets.count - 1].storage.bytes))
            H5Tinsert(type, field.name, offsets[offsets.count - 1], field.storage.type)
        }
        let count = fields.first?.values.count ?? 0
        let records = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, count * size), alignment: 8)
        defer { records.deallocate() }
        for (field, offset) in zip(fields, offsets) {
            guard let base = records.baseAddress else { break }
            for (row, value) in field.values.enumerated() { field.storage.store(value, at: base + row * size + offset) }
        }
        let space = simpleSpace(count)
        defer { H5Sclose(space) }
        let id = H5Dcreate2(file, dataset, type, space, 0, 0, 0)
        guard id >= 0 else { throw failure(dataset) }
        defer { H5Dclose(id) }
        guard count == 0 || H5Dwrite(id, type, 0, 0, 0, records.baseAddress) >= 0 else { throw failure(dataset) }
    }

    /// Attaches a number.
    func setAttribute(_ name: String, of object: String = "/", to value: Double, as storage: Storage) throws {
        let space = H5Screate(H5S_SCALAR)
        defer { H5Sclose(space) }
        let id = H5Acreate_by_name(file, object, name, storage.type, space, 0, 0, 0)
        guard id >= 0 else { throw failure(name) }
        defer { H5Aclose(id) }
        var value = value
        guard H5Awrite(id, chdf5_native_double(), &value) >= 0 else { throw failure(name) }
    }

    /// Attaches a text.
    func setAttribute(_ name: String, of object: String = "/", to text: String) throws {
        let type = H5Tcopy(chdf5_c_string())
        defer { H5Tclose(type) }
        H5Tset_size(type, -1)
        H5Tset_cset(type, H5T_CSET_UTF8)
        let space = H5Screate(H5S_SCALAR)
        defer { H5Sclose(space) }
        let id = H5Acreate_by_name(file, object, name, type, space, 0, 0, 0)
        guard id >= 0 else { throw failure(name) }
        defer { H5Aclose(id) }
        let written = text.withCString { bytes in
            var pointer: UnsafePointer<CChar>? = bytes
            return H5Awrite(id, type, &pointer)
        }
        guard written >= 0 else { throw failure(name) }
    }

    private func simpleSpace(_ count: Int) -> hid_t {
        var length = hsize_t(count)
        return H5Screate_simple(1, &length, nil)
    }

    private func failure(_ what: String) -> Failure {
        Failure("cannot write \(what) of \(path)", remedy: "check the space", code: "file-unwritable")
    }
}
