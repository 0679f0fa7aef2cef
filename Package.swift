// swift-tools-version: 6.2
import PackageDescription

/// Warnings are errors in every target of ours.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// The same for C that is not a loop over numbers.
let strictC: [CSetting] = [.enableWarning("all"), .enableWarning("extra"), .treatAllWarnings(as: .error)]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(of name: String, _ others: Target.Dependency...) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.byName(name: name)] + others, swiftSettings: strict)
}

func system(_ name: String, _ pkgConfig: String?, _ package: String) -> Target {
    .systemLibrary(name: name, pkgConfig: pkgConfig, providers: [.apt([package])])
}

let package = Package(
    name: "stormbench",
    products: [.executable(name: "stormbench", targets: ["stormbench"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
    ],
    targets: [
        system("CLua", "lua5.4", "liblua5.4-dev"),
        system("CTIFF", "libtiff-4", "libtiff-dev"),
        system("CPNG", "libpng", "libpng-dev"),
        system("CCairo", "cairo", "libcairo2-dev"),
        system("COpenBLAS", "openblas", "libopenblas-openmp-dev"),
        system("COneDNN", nil, "libdnnl-dev"),
        system("CKissFFT", nil, "libkissfft-dev"),
        system("CHDF5", "hdf5-serial", "libhdf5-dev"),
        system("CZlib", "zlib", "zlib1g-dev"),
        system("CEdit", "libedit", "libedit-dev"),
        system("CUSB", "libusb-1.0", "libusb-1.0-0-dev"),

        .target(name: "LuaShim", dependencies: ["CLua"]),
        .target(name: "PosixShim", cSettings: strictC),
        .target(name: "ReaderStart", cSettings: strictC),
        .target(name: "ProcessorPeak", cSettings: [.unsafeFlags(["-O3"])]),
        .target(name: "Kernels", cSettings: [.unsafeFlags(["-O3"])]),

        module("Work", ["PosixShim"]),
        module("Randomness"),
        module("Transports", ["CUSB", "PosixShim", "Work"]),
        module("Imaging", ["CTIFF", "CPNG", "CCairo", "Kernels", "Work"]),
        module("Optics", ["Imaging", "Work"]),
        module("Networks", ["COneDNN", "COpenBLAS", "Kernels", "Randomness", "Work"]),
        module("Segmentation", ["Imaging", "Kernels", "Networks", "Randomness", "Work"]),
        module("Localization", ["CHDF5", "CKissFFT", "CZlib", "Imaging", "Kernels", "Optics", "ReaderStart", "Work"]),
        module("Resolution", ["CKissFFT", "Imaging", "Localization", "Randomness", "Work"]),
        module("Periodicity", ["CKissFFT", "Imaging", "Localization", "Randomness", "Work"]),
        module("Simulation", ["Imaging", "Localization", "Optics", "Randomness", "Work"]),
        module("Instruments", ["Imaging", "Optics", "Work"]),
        .target(
            name: "Drivers",
            dependencies: [
                "CLua", "Imaging", "Instruments", "LuaShim", "Optics", "Randomness", "Simulation", "Transports", "Work",
            ], exclude: ["README.md"], resources: [.embedInCode("Simulated/simulated.json")], swiftSettings: strict),
        module("Acquisition", ["Imaging", "Instruments", "Optics", "Randomness", "Work"]),
        module("Viewing", ["Imaging", "Optics", "Work"]),
        module(
            "Scripting",
            [
                "CLua", "LuaShim", "Work", "Randomness", "Imaging", "Optics", "Networks", "Segmentation",
                "Localization",
                "Resolution", "Periodicity", "Simulation", "Instruments", "Drivers", "Acquisition", "Viewing",
            ]),
        .executableTarget(
            name: "stormbench",
            dependencies: [
                "CEdit", "Instruments", "LuaShim", "Scripting", "Work", "stormbench-keeper",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(name: "stormbench-keeper", dependencies: ["PosixShim"], cSettings: strictC),
        .executableTarget(
            name: "Emulators", dependencies: ["PosixShim"], path: "Tests/Emulators", swiftSettings: strict),
        .target(
            name: "EmulatedDevices", dependencies: ["Emulators", "PosixShim", "Work"], path: "Tests/EmulatedDevices",
            swiftSettings: strict),
        .target(
            name: "DriverBench",
            dependencies: [
                "Drivers", "EmulatedDevices", "Instruments", "PosixShim", "Transports", "Work", "stormbench-keeper",
            ], path: "Tests/DriverBench", swiftSettings: strict),
        .executableTarget(name: "FaultCheck", dependencies: ["DriverBench"], swiftSettings: strict),
        .executableTarget(
            name: "KeeperCheck",
            dependencies: [
                "Drivers", "EmulatedDevices", "Instruments", "PosixShim", "Transports", "Work", "stormbench-keeper",
            ],
            swiftSettings: strict),

        .executableTarget(name: "USBCheck", dependencies: ["Transports", "Work"], swiftSettings: strict),

        .executableTarget(
            name: "GigapixelBench",
            dependencies: [
                "Imaging", "Randomness", "Segmentation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "FewShotBench",
            dependencies: [
                "Imaging", "Networks", "Randomness", "Segmentation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "InteropCheck",
            dependencies: [
                "Networks", "Randomness", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "NetworksBench",
            dependencies: [
                "Networks", "ProcessorPeak", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),
        .executableTarget(
            name: "LocalizationBench",
            dependencies: [
                "Imaging", "Localization", "Optics", "Randomness", "Simulation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "RecordingBench",
            dependencies: [
                "Acquisition", "Imaging", "Instruments", "Randomness", "Segmentation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "LuaCallBench",
            dependencies: [
                "Drivers", "Instruments", "Optics", "Scripting", "Transports", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "PeriodicityBench",
            dependencies: [
                "Localization", "Optics", "Periodicity", "Randomness", "Simulation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        .executableTarget(
            name: "FuzzBench",
            dependencies: [
                "Acquisition", "Drivers", "Imaging", "Instruments", "Localization", "Networks", "Optics",
                "Randomness", "ReaderStart", "Segmentation", "Work",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        tests(of: "Work"),
        tests(of: "Randomness"),
        tests(of: "Transports", "EmulatedDevices", "PosixShim", "Work", "stormbench-keeper"),
        tests(
            of: "Drivers", "DriverBench", "EmulatedDevices", "Imaging", "Instruments", "KeeperCheck", "Optics",
            "PosixShim",
            "Transports", "Work"),
        tests(of: "Imaging", "Work"),
        tests(of: "Networks", "Kernels", "Randomness", "Work"),
        tests(of: "Segmentation", "Imaging", "Kernels", "Networks", "Randomness", "Work"),
        tests(of: "Localization", "Imaging", "Kernels", "Optics", "Randomness", "Simulation", "Work"),
        tests(of: "Resolution", "Imaging", "Localization", "Randomness", "Simulation", "Work"),
        tests(of: "Periodicity", "Imaging", "Localization", "Optics", "Randomness", "Simulation", "Work"),
        tests(of: "Simulation", "Imaging", "Localization", "Optics", "Randomness", "Work"),
        tests(of: "Instruments", "Drivers", "Imaging", "Optics", "Simulation", "Work"),
        tests(of: "Acquisition", "Imaging", "Instruments", "Optics", "Randomness", "Simulation", "Work"),
        tests(of: "Viewing", "Imaging", "Optics", "Work"),
        tests(of: "Scripting", "CLua", "EmulatedDevices", "LuaShim", "Work", "stormbench-keeper"),
    ],
    swiftLanguageModes: [.v6]
)
