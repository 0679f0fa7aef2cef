import CHDF5
import Foundation
import Synchronization
import Work

/// The library keeps one state for the whole process: one file is written at a time.
private let turn = Mutex<Void>(())

/// An HDF5 file that is being written. Paths inside it are written `/group/dataset`.
package struct HDF5Writer {
    /// The file.
    package let path: String
    private let file: hid_t

    /// Makes a file, which appears under its name when `body` has filled it.
    package static func writing(_ path: String, _ body: (HDF5Writer) throws -> Void) throws {
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
                try body(HDF5Writer(path: path, file: file))
                isOpen = false
                guard H5Fclose(file) >= 0 else {
                    throw Failure("cannot write \(path)", remedy: "check the space", code: "file-unwritable")
                }
            }
        }
    }
}

extension HDF5Writer {
    /// How numbers are stored.
    package enum Storage {
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
    package func makeGroup(_ group: String) throws {
        let id = H5Gcreate2(file, group, 0, 0, 0)
        guard id >= 0 else { throw failure(group) }
        H5Gclose(id)
    }

    /// Writes a list of numbers, or a table of so many columns row by row.
    package func write(_ values: [Double], to dataset: String, as storage: Storage, columns: Int? = nil) throws {
        let lengths = columns.map { [hsize_t(values.count / $0), hsize_t($0)] } ?? [hsize_t(values.count)]
        let space = H5Screate_simple(Int32(lengths.count), lengths, nil)
        let id = H5Dcreate2(file, dataset, storage.type, space, 0, 0, 0)
        defer { H5Sclose(space) }
        guard id >= 0 else { throw failure(dataset) }
        defer { H5Dclose(id) }
        guard values.isEmpty || H5Dwrite(id, chdf5_native_double(), 0, 0, 0, values) >= 0 else {
            throw failure(dataset)
        }
    }

    /// Writes records, one for each element of the fields.
    package func writeRecords(_ fields: [(name: String, values: [Double], storage: Storage)], to dataset: String) throws
    {
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
    package func setAttribute(_ name: String, of object: String = "/", to value: Double, as storage: Storage) throws {
        let space = H5Screate(H5S_SCALAR)
        defer { H5Sclose(space) }
        let id = H5Acreate_by_name(file, object, name, storage.type, space, 0, 0, 0)
        guard id >= 0 else { throw failure(name) }
        defer { H5Aclose(id) }
        var value = value
        guard H5Awrite(id, chdf5_native_double(), &value) >= 0 else { throw failure(name) }
    }

    /// Attaches a text.
    package func setAttribute(_ name: String, of object: String = "/", to text: String) throws {
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
