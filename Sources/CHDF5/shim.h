#pragma once
// HDF5 for Swift: the constants that its headers define as macros, as inline functions.
#include <hdf5.h>

static inline hid_t chdf5_native_double(void) { return H5T_NATIVE_DOUBLE; }
static inline hid_t chdf5_native_float(void) { return H5T_NATIVE_FLOAT; }
static inline hid_t chdf5_native_int64(void) { return H5T_NATIVE_INT64; }
static inline hid_t chdf5_native_int32(void) { return H5T_NATIVE_INT32; }
static inline hid_t chdf5_native_uint32(void) { return H5T_NATIVE_UINT32; }
static inline hid_t chdf5_c_string(void) { return H5T_C_S1; }

static inline hid_t chdf5_open_to_read(const char *path) { return H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT); }
static inline hid_t chdf5_create(const char *path) { return H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT); }

/// Opens a dataset to be read in pieces: chunks of up to 256 MB are unpacked once.
static inline hid_t chdf5_open_dataset(hid_t file, const char *path) {
    hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
    H5Pset_chunk_cache(access, 521, (size_t)256 << 20, 1.0);
    hid_t dataset = H5Dopen2(file, path, access);
    H5Pclose(access);
    return dataset;
}

/// The rows along the first axis of one chunk; 0 where the values are not in chunks.
static inline hsize_t chdf5_chunk_rows(hid_t dataset) {
    hsize_t lengths[H5S_MAX_RANK];
    hid_t creation = H5Dget_create_plist(dataset);
    int chunked = creation >= 0 && H5Pget_layout(creation) == H5D_CHUNKED
        && H5Pget_chunk(creation, H5S_MAX_RANK, lengths) > 0;
    if (creation >= 0) H5Pclose(creation);
    return chunked ? lengths[0] : 0;
}

/// Errors are for us to say, not for the library to print.
static inline void chdf5_silence(void) { H5Eset_auto2(H5E_DEFAULT, NULL, NULL); }
