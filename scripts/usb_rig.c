// An emulated power meter on USB (class USBTMC) for one program: a testbed of umockdev, whose plug is pulled and put in
// again. Nothing real is touched. See scripts/check-usb.
//   umockdev-wrapper usb_rig PROGRAM [ARGUMENTS]
#include <errno.h>
#include <linux/usbdevice_fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <umockdev.h>

#define NODE "/dev/bus/usb/001/002"
#define PLUG "/sys/devices/pci0000:00/0000:00:14.0/usb1/1-2"
#define DESCRIPTORS                                                                                     \
    "12010002000000401313788000010102030109022000010100803209040000"                                      \
    "02FE0301000705020200020007058102000200"

static const char *description =
    "P: /devices/pci0000:00/0000:00:14.0/usb1/1-2\n"
    "N: bus/usb/001/002=" DESCRIPTORS "\n"
    "E: DEVNAME=" NODE "\nE: DEVTYPE=usb_device\nE: SUBSYSTEM=usb\nE: BUSNUM=001\nE: DEVNUM=002\n"
    "E: MAJOR=189\nE: MINOR=1\nE: PRODUCT=1313/8078/100\nE: TYPE=0/0/0\n"
    "A: busnum=1\\n\nA: devnum=2\\n\nA: speed=480\\n\nA: bConfigurationValue=1\\n\nA: serial=P0001234\\n\n"
    "A: idVendor=1313\\n\nA: idProduct=8078\\n\nH: descriptors=" DESCRIPTORS "\n\n";

static UMockdevTestbed *testbed;
static UMockdevIoctlBase *handler;
static GMainLoop *loop;
static GList *pending, *finished;  // of struct usbdevfs_urb as the program has them
static char command[256], reply[256];
static unsigned char tag;
static int status;

struct transfer {
    UMockdevIoctlData *urb, *buffer;
};

static struct usbdevfs_urb *urb_of(struct transfer *transfer) { return (struct usbdevfs_urb *)transfer->urb->data; }

static void finish(struct transfer *transfer, int count, int error) {
    urb_of(transfer)->actual_length = count;
    urb_of(transfer)->status = error;
    finished = g_list_append(finished, transfer);
}

// Sends the reply where it is asked for and the program waits for it.
static void answer(void) {
    for (GList *entry = pending; entry && tag && *reply; entry = entry->next) {
        struct transfer *transfer = entry->data;
        size_t size = strlen(reply);
        unsigned char *bytes = transfer->buffer->data;
        if (urb_of(transfer)->buffer_length < (int)size + 12) continue;
        memset(bytes, 0, 12);
        bytes[0] = 2, bytes[1] = tag, bytes[2] = (unsigned char)~tag, bytes[4] = (unsigned char)size, bytes[8] = 1;
        memcpy(bytes + 12, reply, size);
        tag = 0, *reply = 0;
        pending = g_list_remove(pending, transfer);
        finish(transfer, (int)size + 12, 0);
        return;
    }
}

static void take(struct transfer *transfer) {
    struct usbdevfs_urb *urb = urb_of(transfer);
    unsigned char *bytes = transfer->buffer->data;
    if (urb->type == USBDEVFS_URB_TYPE_CONTROL) {
        // INITIATE_CLEAR and CHECK_CLEAR_STATUS: done.
        bytes[8] = 1;
        tag = 0, *reply = 0;
        finish(transfer, 1, 0);
    } else if (urb->endpoint & 0x80) {
        pending = g_list_append(pending, transfer);
        answer();
    } else {
        if (bytes[0] == 1) {
            size_t size = bytes[4];
            memcpy(command, bytes + 12, size);
            command[size] = 0;
            *reply = 0;
            if (strcmp(command, "*IDN?\n") == 0) strcpy(reply, "Thorlabs,PM100D,P0001234,2.4.0\n");
            if (strcmp(command, "MEAS:POW?\n") == 0) strcpy(reply, "1.234000E-03\n");
            if (strcmp(command, "SYST:ERR?\n") == 0) strcpy(reply, "+0,\"No error\"\n");
        } else {
            tag = bytes[1];
        }
        finish(transfer, urb->buffer_length, 0);
        answer();
    }
}

static gboolean handle(UMockdevIoctlBase *base, UMockdevIoctlClient *client) {
    (void)base;
    UMockdevIoctlData *argument = umockdev_ioctl_client_get_arg(client);
    const unsigned long request = umockdev_ioctl_client_get_request(client);
    if (request == USBDEVFS_GET_CAPABILITIES) {
        UMockdevIoctlData *data = umockdev_ioctl_data_resolve(argument, 0, sizeof(guint32), NULL);
        *(guint32 *)data->data = USBDEVFS_CAP_BULK_SCATTER_GATHER | USBDEVFS_CAP_BULK_CONTINUATION |
                                 USBDEVFS_CAP_NO_PACKET_SIZE_LIM | USBDEVFS_CAP_REAP_AFTER_DISCONNECT;
        umockdev_ioctl_client_complete(client, 0, 0);
    } else if (request == USBDEVFS_SUBMITURB) {
        struct transfer *transfer = g_new0(struct transfer, 1);
        transfer->urb = umockdev_ioctl_data_resolve(argument, 0, sizeof(struct usbdevfs_urb), NULL);
        transfer->buffer = umockdev_ioctl_data_resolve(
            transfer->urb, G_STRUCT_OFFSET(struct usbdevfs_urb, buffer), (gsize)urb_of(transfer)->buffer_length, NULL);
        take(transfer);
        umockdev_ioctl_client_complete(client, 0, 0);
    } else if (request == USBDEVFS_REAPURB || request == USBDEVFS_REAPURBNDELAY) {
        if (finished) {
            struct transfer *transfer = finished->data;
            finished = g_list_remove(finished, transfer);
            UMockdevIoctlData *pointer = umockdev_ioctl_data_resolve(argument, 0, sizeof(gpointer), NULL);
            umockdev_ioctl_data_set_ptr(pointer, 0, transfer->urb);
            umockdev_ioctl_client_complete(client, 0, 0);
        } else {
            umockdev_ioctl_client_complete(client, -1, EAGAIN);
        }
    } else if (request == (unsigned long)USBDEVFS_DISCARDURB) {
        GList *entry = pending;
        if (entry) {
            struct transfer *transfer = entry->data;
            pending = g_list_remove(pending, transfer);
            finish(transfer, 0, -ENOENT);
        }
        umockdev_ioctl_client_complete(client, entry ? 0 : -1, entry ? 0 : EINVAL);
    } else if (request == USBDEVFS_GETDRIVER) {
        umockdev_ioctl_client_complete(client, -1, ENODATA);
    } else {
        umockdev_ioctl_client_complete(client, 0, 0);
    }
    return TRUE;
}

static void plug_in(void) {
    GError *error = NULL;
    if (!umockdev_testbed_add_from_string(testbed, description, &error) ||
        !umockdev_testbed_attach_ioctl(testbed, NODE, handler, &error))
        g_error("%s", error->message);
    umockdev_testbed_uevent(testbed, PLUG, "add");
}

static gboolean plug_in_again(gpointer unused) {
    (void)unused;
    plug_in();
    return G_SOURCE_REMOVE;
}

static gboolean pull(gpointer unused) {
    (void)unused;
    umockdev_testbed_uevent(testbed, PLUG, "remove");
    umockdev_testbed_detach_ioctl(testbed, NODE, NULL);
    umockdev_testbed_remove_device(testbed, PLUG);
    g_timeout_add(1000, plug_in_again, NULL);
    return G_SOURCE_REMOVE;
}

static void ended(GPid child, gint result, gpointer unused) {
    (void)child, (void)unused;
    status = WIFEXITED(result) ? WEXITSTATUS(result) : 1;
    g_main_loop_quit(loop);
}

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "umockdev-wrapper usb_rig PROGRAM [ARGUMENTS]\n");
        return 2;
    }
    testbed = umockdev_testbed_new();
    handler = umockdev_ioctl_base_new();
    g_signal_connect(handler, "handle-ioctl", G_CALLBACK(handle), NULL);
    plug_in();
    GPid child;
    GError *error = NULL;
    if (!g_spawn_async(NULL, arguments + 1, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &child, &error))
        g_error("%s", error->message);
    loop = g_main_loop_new(NULL, FALSE);
    g_child_watch_add(child, ended, NULL);
    g_timeout_add(2500, pull, NULL);
    g_main_loop_run(loop);
    return status;
}
