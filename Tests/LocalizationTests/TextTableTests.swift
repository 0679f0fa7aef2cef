import Foundation
import Localization
import Testing
import Work

/// Text tables in the forms that programs and spreadsheets write: read right, or refused in one line.
@Suite struct TextTableTests {
    private func read(_ data: Data, pixel_nm: Double? = nil) throws -> LocalizationTable {
        try withTemporaryFolder { folder in
            try writeWhole(data, to: "\(folder)/t.csv")
            return try LocalizationTable(file: "\(folder)/t.csv", pixel_nm: pixel_nm)
        }
    }

    private func read(_ text: String, pixel_nm: Double? = nil) throws -> LocalizationTable {
        try read(Data(text.utf8), pixel_nm: pixel_nm)
    }

    private func refusal(_ text: String, pixel_nm: Double? = nil) -> String {
        do {
            let table = try read(text, pixel_nm: pixel_nm)
            return "read: \(table.count) rows"
        } catch { return "\(error)" }
    }

    /// The same two rows in every form.
    @Test(arguments: [
        "frame,x [nm],y [nm]\n3,120.5,80.25\n4,130.5,90.25\n",
        "frame,x [nm],y [nm]\r\n3,120.5,80.25\r\n4,130.5,90.25\r\n",
        "frame,x [nm],y [nm]\r3,120.5,80.25\r4,130.5,90.25\r",
        "frame,x [nm],y [nm]\r3,120.5,80.25\r\n4,130.5,90.25",
        "\u{FEFF}frame,x [nm],y [nm]\n3,120.5,80.25\n4,130.5,90.25\n",
        "frame;x [nm];y [nm]\n3;120,5;80,25\n4;130,5;90,25\n",
        "frame\tx [nm]\ty [nm]\n3\t120,5\t80,25\n4\t130,5\t90,25\n",
        "frame|x [nm]|y [nm]\n3|120.5|80.25\n4|130.5|90.25\n",
        "frame x y\n3 120.5 80.25\n4   130.5  90.25\n",
        "\"frame\",\"x [nm]\",\"y [nm]\"\n\"3\",\"120,5\",\"80,25\"\n\"4\",\"130,5\",\"90,25\"\n",
        "\"frame\",\"x, mean [nm]\",\"x [nm]\",\"y [nm]\"\n3,0,120.5,80.25\n4,0,130.5,90.25\n",
        "frame,x [um],y (µm)\n3,0.1205,0.08025\n4,0.1305,0.09025\n",
        "frame,x_um,y_um\n3,0.1205,0.08025\n4,0.1305,0.09025\n",
        "Frame,X_nm,Y (nanometers)\n3,120.5,80.25\n4,130.5,90.25\n",
        "frame,x [m],y [mm]\n3,1.205e-7,8.025e-5\n4,1.305e-7,9.025e-5\n",
        "frame,xnm,ynm\n3,120.5,80.25\n4,130.5,90.25\n",
        "# made by a program\n% and another\nframe,x [nm],y [nm]\n3,120.5,80.25\n\n4,130.5,90.25\n,,\n",
        "#frame,x [nm],y [nm]\n3,120.5,80.25\n4,130.5,90.25\n",
        "y [nm],x [nm],frame,\n80.25,120.5,3,\n90.25,130.5,4,\n",
        "Frame Number,X (px),Y (px),X (nm),Y (nm)\n3,1,2,120.5,80.25\n4,1,2,130.5,90.25\n",
    ])
    func readsTheSameRows(text: String) throws {
        let table = try read(text)
        #expect(table.frame == [3, 4])
        #expect(zip(table.x_nm, [120.5, 130.5]).allSatisfy { abs($0 - $1) < 1e-6 } && table.x_nm.count == 2)
        #expect(zip(table.y_nm, [80.25, 90.25]).allSatisfy { abs($0 - $1) < 1e-6 } && table.y_nm.count == 2)
    }

    @Test func readsUTF16() throws {
        let text = "frame\tx [µm]\ty [nm]\r\n3\t0,1205\t80,25\r\n"
        for encoding in [String.Encoding.utf16LittleEndian, .utf16BigEndian] {
            let plain = try #require(text.data(using: encoding))
            let mark = Data(encoding == .utf16BigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE])
            for data in [mark + plain, plain] {
                let table = try read(data)
                #expect(table.frame == [3] && abs(table.x_nm[0] - 120.5) < 1e-9 && table.y_nm == [80.25])
            }
        }
    }

    /// Pixels from the centre of the first one and frames from 0, as Picasso has them.
    @Test func readsPicassosFieldsInPixels() throws {
        let text = "frame,x,y,photons,sx,sy,bg,lpx,lpy,net_gradient\n0,10,20,1500,1,1,20,0.08,0.08,9000\n"
        let table = try read(text, pixel_nm: 130)
        #expect(table.frame == [1] && table.x_nm == [1365] && table.y_nm == [2665])
        #expect(abs(table["uncertainty_nm"]![0] - 10.4) < 1e-9 && table["sigma_nm"] == [130])
        #expect(table["background"] == [20] && table["net_gradient"] == [9000])
        #expect(refusal(text).contains("give the pixel size in nm"))
        let decode = try read("frame_ix,x,y,z,phot\n0,10,20,-50,900\n", pixel_nm: 100)
        #expect(decode.frame == [1] && decode.x_nm == [1050] && decode["z_nm"] == [-50] && decode["photons"] == [900])
    }

    /// Frames of text are taken as they are; every writer gives the rows of frame 0 back or says that it cannot.
    @Test(arguments: LocalizationFormat.writable) func keepsTheRowsOfFrameZero(format: LocalizationFormat) throws {
        let rows = (0..<300).map { "\($0 + 1),\($0 / 2),\(1000 + $0),\(2000 + $0),1500" }.joined(separator: "\n")
        let table = try read("\"id\",\"frame\",\"x [nm]\",\"y [nm]\",\"intensity [photon]\"\n\(rows)\n")
        #expect(table.count == 300 && table.frame.first == 0 && table.frame.last == 149)
        let moved = LocalizationTable(frame: table.frame.map { $0 + 1 }, x_nm: table.x_nm, y_nm: table.y_nm)
        try withTemporaryFolder { folder in
            let isText = format == .thunderSTORM || format == .challenge
            let path = "\(folder)/t.\(isText ? "csv" : "hdf5")"
            for written in format == .thunderSTORM ? [moved, table] : [moved] {
                try written.withMovie(pixel_nm: 100, width: 64, height: 64, frames: 200).write(path, format: format)
                let back = try LocalizationTable(file: path)
                #expect(back.count == 300 && back.frame == written.frame)
            }
            let early = LocalizationTable(frame: [-1, 1], x_nm: [1, 2], y_nm: [3, 4])
            for refused in format == .thunderSTORM ? [early] : [early, table] {
                #expect(throws: Failure.self) {
                    try refused.withMovie(pixel_nm: 100, width: 64, height: 64, frames: 200).write(path, format: format)
                }
            }
        }
    }

    @Test func refusesWhatItWouldReadWrongly() {
        let head = "frame,x [nm],y [nm]\n"
        #expect(refusal(head + "1,2,3,4\n").contains("4 values where the header names 3"))
        #expect(refusal(head + "1,120,5,80,25\n").contains("columns would be shifted"))
        #expect(refusal(head + "1,2\n").contains("cut off"))
        #expect(refusal(head + "1,nan,3\n").contains("line 2: x_nm is not a number"))
        #expect(refusal(head + "1,2,\n").contains("line 2: y_nm is not a number"))
        #expect(refusal(head + "-1,2,3\n").contains("-1.0 is not a frame number"))
        #expect(refusal(head + "1.5,2,3\n").contains("1.5 is not a frame number"))
        #expect(refusal(head + "1,#N/A,3\n").contains("'#N/A' is not a number"))
        #expect(refusal(head + "1,\0\0,3\n").contains("'??' is not a number"))
        #expect(refusal("frame\tx [nm]\ty [nm]\n1\t1,234\t0.5\n").contains("a comma stand beside numbers with a point"))
        #expect(refusal("frame;x [nm];y [nm]\n1;1.234,5;2\n").contains("is not a number"))
        #expect(refusal("1,2,3\n4,5,6\n").contains("first line holds numbers and no names"))
        #expect(refusal("frame,x [nm],x [nm],y [nm]\n1,2,3,4\n").contains("two columns 'x [nm]'"))
        #expect(refusal("frame,x [furlong],y [nm]\n1,2,3\n").contains("the unit 'furlong' of the column"))
        #expect(refusal("frame,x,y\n1,2,3\n", pixel_nm: 130).contains("have no unit, and a pixel of 130.0 nm is given"))
        let small = (1...200).map { "\($0),\(Double($0) / 2),\(Double($0) / 3)" }.joined(separator: "\n")
        #expect(refusal("frame,x,y\n\(small)\n").contains("seem to be pixels"))
        #expect(refusal("MATLAB 5.0 MAT-file, Platform").contains("a MATLAB file before version 7.3"))
        #expect(refusal("\u{1F}\u{8B}").contains("no column"))
    }

    @Test func refusesRapidSTORMRowsThatDoNotFit() {
        let head =
            "# <localizations insequence=\"true\"><field identifier=\"Position-0-0\" unit=\"UNIT\" />"
            + "<field identifier=\"Position-1-0\" unit=\"nanometer\" /><field identifier=\"ImageNumber-0-0\" unit=\"frame\" />"
            + "</localizations>\n"
        let plain = head.replacing("UNIT", with: "nanometer")
        #expect(refusal(plain + "1 2 0\n").contains("read: 1 rows"))
        #expect(refusal(plain.replacing("\n", with: "\r") + "1 2 0\r3 4 1\r").contains("read: 2 rows"))
        #expect(refusal(plain + "1 2 0 4\n").contains("4 values where the header names 3"))
        #expect(refusal(head.replacing("UNIT", with: "pixel") + "1 2 0\n").contains("give the pixel size"))
        #expect(refusal(head.replacing("UNIT", with: "parsec") + "1 2 0\n").contains("the unit 'parsec'"))
    }
}
