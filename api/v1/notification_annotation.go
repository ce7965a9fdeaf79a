package v1

import "strings"

// NotificationAnnotation begins the name of every annotation that holds a notification of the gateway, exactly as the gateway signed
// it: the receiver writes one per notification, named "<this>-<type>-<hash>", and another pipeline may write this name itself.
//
// The value is a JSON object: uri, clientId, requestTime and signature as in the gateway's request, and its body; or bodySecretName, the
// Secret that holds the body under the key "body" because it carries a credential. receivedAt says when it was accepted. The
// controllers verify the signature again before they believe a word of it.
const NotificationAnnotation = GroupName + "/notification"

// NotificationBodySecretKey is the key of a Secret under which the body of a notification is kept.
const NotificationBodySecretKey = "body"

// IsNotificationAnnotation reports whether an annotation of this name holds a notification.
func IsNotificationAnnotation(name string) bool {
	return name == NotificationAnnotation || strings.HasPrefix(name, NotificationAnnotation+"-")
}
